// What GPIO asks of the kernel, through libc. Loaded when the first line is opened on a device: a Node.js of a computer need
// not have node:ffi.

import { constants } from 'node:os';
import * as abi from './abi.ts';

/** Descriptors are closed by `close` only. All fail with an error that has the `code` of Node.js, such as EBUSY. */
export interface GpioKernel {
  /** Paths of the GPIO chips that there are. */
  chips(): string[];
  open(path: string): number;
  chipInfo(chip: number): { label: string; lines: number };
  lineInfo(chip: number, offset: number): { name: string; consumer: string; isUsed: boolean };
  /** Descriptor of the line, which never blocks; its edges are read from it. */
  requestLine(chip: number, request: abi.LineRequest): number;
  configure(line: number, config: abi.LineConfig): void;
  read(line: number): boolean;
  write(line: number, value: boolean): void;
  /** Edges that nobody has read. */
  discardEdges(line: number): void;
  close(fd: number): void;
  /** Descriptor that becomes readable by `ring`. */
  openBell(): number;
  ring(bell: number): void;
}

type Argument = number | bigint | string | Uint8Array | null;
type Type = 'int32' | 'uint32' | 'int64' | 'uint64' | 'pointer' | 'buffer' | 'string';
type Call = (...args: Argument[]) => number;

const O_CLOEXEC = 0o2000000;
const O_NONBLOCK = 0o4000;
const F_SETFL = 4;
const DIRECTORY = '/dev';

export function linuxKernel(): GpioKernel {
  const { closeSync, openSync, readdirSync, readSync, writeSync } = process.getBuiltinModule('node:fs');
  const bind = openLibc();
  const ioctl = bind('ioctl', ['int32', 'uint64', 'buffer']);
  const fcntl = bind('fcntl', ['int32', 'int32', 'int64']);
  const eventfd = bind('eventfd', ['uint32', 'int32']);
  const ask = (fd: number, request: number, bytes: Uint8Array): Uint8Array => {
    ioctl(fd, BigInt(request), bytes);
    return bytes;
  };
  return {
    chips: () =>
      readdirSync(DIRECTORY)
        .filter((name) => /^gpiochip\d+$/.test(name))
        .toSorted()
        .map((name) => `${DIRECTORY}/${name}`),
    // Node.js opens all it opens for itself only (O_CLOEXEC).
    open: (path) => openSync(path, 'r+'),
    chipInfo: (chip) =>
      abi.decodeChipInfo(ask(chip, abi.GPIO_GET_CHIPINFO_IOCTL, new Uint8Array(abi.CHIP_INFO_BYTES))),
    lineInfo: (chip, offset) =>
      abi.decodeLineInfo(ask(chip, abi.GPIO_V2_GET_LINEINFO_IOCTL, abi.encodeLineInfo(offset))),
    requestLine(chip, request) {
      const line = abi.lineOfRequest(ask(chip, abi.GPIO_V2_GET_LINE_IOCTL, abi.encodeLineRequest(request)));
      fcntl(line, F_SETFL, BigInt(O_NONBLOCK));
      return line;
    },
    configure: (line, config) =>
      void ask(line, abi.GPIO_V2_LINE_SET_CONFIG_IOCTL, abi.encodeLineConfig(config)),
    read: (line) =>
      abi.decodeLineValue(ask(line, abi.GPIO_V2_LINE_GET_VALUES_IOCTL, abi.encodeLineValue(false))),
    write: (line, value) => void ask(line, abi.GPIO_V2_LINE_SET_VALUES_IOCTL, abi.encodeLineValue(value)),
    discardEdges(line) {
      const bytes = new Uint8Array(1024 * abi.LINE_EVENT_BYTES);
      try {
        while (readSync(line, bytes) > 0);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
    },
    close: closeSync,
    openBell: () => eventfd(0, O_CLOEXEC | O_NONBLOCK),
    ring: (bell) => void writeSync(bell, new Uint8Array(BigUint64Array.of(1n).buffer)),
  };
}

/** libc's functions that fail by -1 and errno, as those of Node.js fail. */
export function openLibc(): (name: string, types: readonly Type[]) => Call {
  const { dlopen, getInt32 } = loadQuietly();
  const open = (name: string, types: readonly Type[], result: Type): ((...args: Argument[]) => unknown) => {
    const { functions } = dlopen('libc.so.6', { [name]: { arguments: [...types], return: result } });
    return functions[name] as (...args: Argument[]) => unknown;
  };
  const errnoLocation = open('__errno_location', [], 'pointer');
  const names = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));
  return (name, types) => {
    const call = open(name, types, 'int32');
    return (...args) => {
      const result = Number(call(...args));
      if (result !== -1) return result;
      const errno = getInt32(errnoLocation() as bigint, 0);
      const code = names.get(errno) ?? `E${errno}`;
      throw Object.assign(new Error(`${code}: ${name} failed`), { code, errno: -errno, syscall: name });
    };
  };
}

/** Without the line about node:ffi in the log of each app: what this module may rely on, the image's pinned Node.js says. */
function loadQuietly(): typeof import('node:ffi') {
  const emitWarning = process.emitWarning.bind(process);
  process.emitWarning = () => undefined;
  try {
    return process.getBuiltinModule('node:ffi');
  } finally {
    process.emitWarning = emitWarning;
  }
}
