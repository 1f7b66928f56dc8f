// Values of the DHCP options that a client reads and writes: RFC 2132, 3397 (domain search), 3442 (classless routes).
// A value of the wrong form is treated as absent: a server with one bad option still gives a good address.

import { ipv4FromBytes, ipv4ToBytes } from './ipv4-address.ts';

export const DHCP_OPTION = {
  subnetMask: 1,
  routers: 3,
  dns: 6,
  hostname: 12,
  domain: 15,
  mtu: 26,
  ntpServers: 42,
  requestedAddress: 50,
  leaseTime: 51,
  messageType: 53,
  serverId: 54,
  parameterList: 55,
  message: 56,
  maxMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  clientId: 61,
  domainSearch: 119,
  classlessRoutes: 121,
} as const;

/** Values of option 53. */
export const DHCP_MESSAGE_TYPE = {
  discover: 1,
  offer: 2,
  request: 3,
  decline: 4,
  ack: 5,
  nak: 6,
  release: 7,
  inform: 8,
} as const;

const DOMAIN_NAME = /^[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*$/;

export type DhcpMessageType = keyof typeof DHCP_MESSAGE_TYPE;
export type DhcpOptionMap = ReadonlyMap<number, Uint8Array>;

export interface ClasslessRoute {
  destination: string;
  prefixLength: number;
  /** `0.0.0.0`: reached directly over the interface. */
  router: string;
}

export function readMessageType(options: DhcpOptionMap): DhcpMessageType | undefined {
  const value = readFixed(options, DHCP_OPTION.messageType, 1);
  const found = Object.entries(DHCP_MESSAGE_TYPE).find(([, number]) => number === value?.[0]);
  return found?.[0] as DhcpMessageType | undefined;
}

export function readAddress(options: DhcpOptionMap, code: number): string | undefined {
  const value = readFixed(options, code, 4);
  return value === undefined ? undefined : ipv4FromBytes(value);
}

export function readAddresses(options: DhcpOptionMap, code: number): string[] {
  const value = options.get(code);
  if (value === undefined || value.length % 4 !== 0) return [];
  return Array.from({ length: value.length / 4 }, (_, index) => ipv4FromBytes(value, index * 4));
}

export function readUint16(options: DhcpOptionMap, code: number): number | undefined {
  const value = readFixed(options, code, 2);
  return value === undefined ? undefined : dataView(value).getUint16(0);
}

export function readUint32(options: DhcpOptionMap, code: number): number | undefined {
  const value = readFixed(options, code, 4);
  return value === undefined ? undefined : dataView(value).getUint32(0);
}

/** Printable ASCII only: such text ends up in log lines and in resolv.conf. */
export function readText(options: DhcpOptionMap, code: number): string | undefined {
  const value = options.get(code);
  if (value === undefined) return undefined;
  // Some servers send the terminating zero of a C string along, or have one between texts.
  const text = String.fromCharCode(...value.subarray(0, 1024))
    .replace(/\0+$/, '')
    .replaceAll('\0', ' ');
  return /^[\x20-\x7e]+$/.test(text) ? text : undefined;
}

/** Option 15: one name, but many servers are configured with several, as resolv.conf has them. */
export function readDomains(options: DhcpOptionMap): string[] {
  return domainNames(readText(options, DHCP_OPTION.domain)?.split(/[ ,;]+/) ?? []);
}

/**
 * Option 119: names in the form of DNS messages (RFC 1035 section 4.1.4), compression pointers included. Some servers
 * send a text instead, whose first byte is then no length of a label; and what comes before damage is whole.
 */
export function readDomainSearch(options: DhcpOptionMap): string[] {
  const value = options.get(DHCP_OPTION.domainSearch) ?? new Uint8Array();
  const names: string[] = [];
  for (let offset = 0; offset < value.length;) {
    const name = readCompressedName(value, offset);
    if (name === undefined) break;
    names.push(name.text);
    offset = name.endOffset;
  }
  if (names.length === 0) names.push(...(readText(options, DHCP_OPTION.domainSearch)?.split(/[ ,;]+/) ?? []));
  return domainNames(names);
}

/** Option 121; `undefined` when absent or malformed, so that the caller falls back to option 3. */
export function readClasslessRoutes(options: DhcpOptionMap): ClasslessRoute[] | undefined {
  const value = options.get(DHCP_OPTION.classlessRoutes);
  if (value === undefined || value.length === 0) return undefined;
  const routes: ClasslessRoute[] = [];
  for (let offset = 0; offset < value.length;) {
    // The significant bytes of the destination alone are sent: 10.17.0.0/16 is 16, 10, 17.
    const prefixLength = value[offset] ?? 0;
    const destinationLength = Math.ceil(prefixLength / 8);
    const routerOffset = offset + 1 + destinationLength;
    if (prefixLength > 32 || routerOffset + 4 > value.length) return undefined;
    const destination = new Uint8Array(4);
    destination.set(value.subarray(offset + 1, routerOffset));
    if (prefixLength % 8 !== 0) {
      const last = destinationLength - 1;
      destination[last] = (destination[last] ?? 0) & (0xff00 >> (prefixLength % 8));
    }
    routes.push({
      destination: ipv4FromBytes(destination),
      prefixLength,
      router: ipv4FromBytes(value, routerOffset),
    });
    offset = routerOffset + 4;
  }
  return routes;
}

export function addressOption(...addresses: string[]): Uint8Array {
  return Uint8Array.from(addresses.flatMap((address) => [...ipv4ToBytes(address)]));
}

export function uint16Option(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

export function uint32Option(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
}

export function textOption(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Those that are fit for resolv.conf, as they stand there: lower case, without a last dot, each once. */
export function domainNames(texts: readonly string[]): string[] {
  const names = texts.map((text) => text.toLowerCase().replace(/\.$/, ''));
  return [...new Set(names)].filter((name) => name.length <= 253 && DOMAIN_NAME.test(name));
}

/** Of a value with a fixed size: a server that sends the option twice means the first; joined (RFC 3396) they are too long. */
function readFixed(options: DhcpOptionMap, code: number, size: number): Uint8Array | undefined {
  const value = options.get(code);
  if (value === undefined || value.length === 0 || value.length % size !== 0) return undefined;
  return value.subarray(0, size);
}

function readCompressedName(
  bytes: Uint8Array,
  start: number,
): { text: string; endOffset: number } | undefined {
  const labels: string[] = [];
  let offset = start;
  let endOffset: number | undefined;
  for (;;) {
    const length = bytes[offset];
    if (length === undefined) return undefined;
    if (length === 0) return { text: labels.join('.'), endOffset: endOffset ?? offset + 1 };
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | (bytes[offset + 1] ?? 0xff);
      endOffset ??= offset + 2;
      // Pointers may only lead backwards, hence no loops.
      if (target >= offset || target >= start) return undefined;
      start = target;
      offset = target;
      continue;
    }
    if (length > 63 || offset + 1 + length > bytes.length) return undefined;
    labels.push(String.fromCharCode(...bytes.subarray(offset + 1, offset + 1 + length)));
    offset += 1 + length;
  }
}

function dataView(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
