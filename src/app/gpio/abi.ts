// Structures and requests of the kernel's GPIO character device, version 2 (linux/gpio.h), for requests of one line. All
// boards are little-endian; test/tools/gpio-abi.test.ts holds numbers and layouts against the header. Bytes only.

export const GPIO_GET_CHIPINFO_IOCTL = 0x8044b401;
export const GPIO_V2_GET_LINEINFO_IOCTL = 0xc100b405;
export const GPIO_V2_GET_LINE_IOCTL = 0xc250b407;
export const GPIO_V2_LINE_SET_CONFIG_IOCTL = 0xc110b40d;
export const GPIO_V2_LINE_GET_VALUES_IOCTL = 0xc010b40e;
export const GPIO_V2_LINE_SET_VALUES_IOCTL = 0xc010b40f;

/** GPIO_V2_LINE_FLAG_* */
export const FLAG = {
  used: 1n << 0n,
  activeLow: 1n << 1n,
  input: 1n << 2n,
  output: 1n << 3n,
  edgeRising: 1n << 4n,
  edgeFalling: 1n << 5n,
  openDrain: 1n << 6n,
  openSource: 1n << 7n,
  biasPullUp: 1n << 8n,
  biasPullDown: 1n << 9n,
  biasDisabled: 1n << 10n,
} as const;

/** Zero byte included. */
const NAME_BYTES = 32;
const ATTRIBUTE_OUTPUT_VALUES = 2;
const ATTRIBUTE_DEBOUNCE = 3;
const RISING_EDGE = 1;
const FALLING_EDGE = 2;

/** struct gpiochip_info: name @0, label @32, lines @64. */
export const CHIP_INFO_BYTES = 68;

export function decodeChipInfo(bytes: Uint8Array): { name: string; label: string; lines: number } {
  return { name: nameAt(bytes, 0), label: nameAt(bytes, 32), lines: viewOf(bytes).getUint32(64, true) };
}

/** struct gpio_v2_line_info: name @0, consumer @32, offset @64, num_attrs @68, flags @72, attrs @80, padding @240. */
export const LINE_INFO_BYTES = 256;

export function encodeLineInfo(offset: number): Uint8Array {
  const bytes = new Uint8Array(LINE_INFO_BYTES);
  viewOf(bytes).setUint32(64, offset, true);
  return bytes;
}

export function decodeLineInfo(bytes: Uint8Array): { name: string; consumer: string; isUsed: boolean } {
  const flags = viewOf(bytes).getBigUint64(72, true);
  return { name: nameAt(bytes, 0), consumer: nameAt(bytes, 32), isUsed: (flags & FLAG.used) !== 0n };
}

export interface LineConfig {
  flags: bigint;
  /** Of an output, when it becomes one. */
  value?: boolean;
  debounceUs?: number;
}

/**
 * struct gpio_v2_line_config: flags @0, num_attrs @8, padding @12, attrs @32 of 24 bytes each: id @0, padding @4,
 * the value of 4 or 8 bytes @8, mask of lines @16.
 */
const LINE_CONFIG_BYTES = 272;

export function encodeLineConfig({ flags, value, debounceUs }: LineConfig): Uint8Array {
  const bytes = new Uint8Array(LINE_CONFIG_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(0, flags, true);
  let count = 0;
  const add = (id: number, content: bigint): void => {
    const at = 32 + 24 * count++;
    view.setUint32(at, id, true);
    view.setBigUint64(at + 8, content, true);
    view.setBigUint64(at + 16, 1n, true);
  };
  if (value !== undefined) add(ATTRIBUTE_OUTPUT_VALUES, value ? 1n : 0n);
  if (debounceUs !== undefined) add(ATTRIBUTE_DEBOUNCE, BigInt(debounceUs));
  view.setUint32(8, count, true);
  return bytes;
}

/**
 * struct gpio_v2_line_request: offsets @0 (64 of them), consumer @256, config @288, num_lines @560, event_buffer_size @564,
 * padding @568, fd @588.
 */
const LINE_REQUEST_BYTES = 592;

export interface LineRequest {
  offset: number;
  /** What others are told who holds the line. */
  consumer: string;
  config: LineConfig;
  eventBufferSize: number;
}

export function encodeLineRequest({ offset, consumer, config, eventBufferSize }: LineRequest): Uint8Array {
  const bytes = new Uint8Array(LINE_REQUEST_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, offset, true);
  new TextEncoder().encodeInto(consumer, bytes.subarray(256, 256 + NAME_BYTES - 1));
  bytes.set(encodeLineConfig(config), 288);
  view.setUint32(560, 1, true);
  view.setUint32(564, eventBufferSize, true);
  return bytes;
}

/** Descriptor of the line, which the kernel has put in. */
export function lineOfRequest(bytes: Uint8Array): number {
  return viewOf(bytes).getInt32(588, true);
}

/** struct gpio_v2_line_values: bits @0, mask @8. */
export function encodeLineValue(value: boolean): Uint8Array {
  const bytes = new Uint8Array(16);
  viewOf(bytes).setBigUint64(0, value ? 1n : 0n, true);
  viewOf(bytes).setBigUint64(8, 1n, true);
  return bytes;
}

export function decodeLineValue(bytes: Uint8Array): boolean {
  return (viewOf(bytes).getBigUint64(0, true) & 1n) === 1n;
}

/** struct gpio_v2_line_event: timestamp_ns @0, id @8, offset @12, seqno @16, line_seqno @20, padding @24. */
export const LINE_EVENT_BYTES = 48;

export interface LineEvent {
  timestampNs: bigint;
  isRising: boolean;
  /** Counts from 1, also those that the kernel had no room for. */
  sequence: number;
}

/** As the kernel would. */
export function encodeLineEvent({ timestampNs, isRising, sequence }: LineEvent): Uint8Array {
  const bytes = new Uint8Array(LINE_EVENT_BYTES);
  const view = viewOf(bytes);
  view.setBigUint64(0, timestampNs, true);
  view.setUint32(8, isRising ? RISING_EDGE : FALLING_EDGE, true);
  view.setUint32(20, sequence, true);
  return bytes;
}

export function decodeLineEvent(view: DataView, at: number): LineEvent {
  return {
    timestampNs: view.getBigUint64(at, true),
    isRising: view.getUint32(at + 8, true) === RISING_EDGE,
    sequence: view.getUint32(at + 20, true),
  };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function nameAt(bytes: Uint8Array, at: number): string {
  const name = bytes.subarray(at, at + NAME_BYTES);
  const end = name.indexOf(0);
  return new TextDecoder().decode(end < 0 ? name : name.subarray(0, end));
}
