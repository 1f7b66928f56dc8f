// bpf(2): maps, and programs that the kernel runs for the processes of a cgroup (linux/bpf.h).

import { closeSync, openSync } from 'node:fs';
import { addressOf, openSyscall } from './libc.ts';
import { ownSyscallNumber } from './own-syscall.ts';

const ATTRIBUTE_BYTES = 128;
const COMMANDS = {
  createMap: 0,
  putElement: 2,
  removeElement: 3,
  loadProgram: 5,
  attach: 8,
  detach: 9,
  takeElement: 21,
} as const;

/** Kinds of maps, with the flags that the kernel wants of each. */
const MAPS = {
  /** Key: a number of 32 bits (how long the prefix is), then the bytes of an address. */
  prefixes: { type: 11, flags: 1 },
  /** What is put first is taken first. */
  queue: { type: 22, flags: 0 },
} as const;

/** Where in the kernel a program runs: its type, and what it is attached as. */
const HOOKS = {
  bind4: { type: 18, attachType: 8 },
  bind6: { type: 18, attachType: 9 },
  connect4: { type: 18, attachType: 10 },
  connect6: { type: 18, attachType: 11 },
  sendmsg4: { type: 18, attachType: 14 },
  sendmsg6: { type: 18, attachType: 15 },
  /** Packets on their way to and from a socket of the cgroup. */
  ingress: { type: 8, attachType: 0 },
  egress: { type: 8, attachType: 1 },
  socket: { type: 9, attachType: 2 },
} as const;

export type BpfHook = keyof typeof HOOKS;
export const BPF_HOOKS = Object.keys(HOOKS) as readonly BpfHook[];

interface MapShape {
  kind: keyof typeof MAPS;
  keyBytes: number;
  valueBytes: number;
  maxEntries: number;
}

/** Descriptors are closed on exec, as the kernel makes them. */
export interface Bpf {
  createMap(shape: MapShape): number;
  putElement(map: number, key: Uint8Array, value: Uint8Array): void;
  removeElement(map: number, key: Uint8Array): void;
  /** The oldest element of a queue; undefined when there is none. */
  takeElement(map: number, valueBytes: number): Uint8Array | undefined;
  /** Throws with the verifier's last words when the kernel refuses the program. */
  loadProgram(hook: BpfHook, instructions: Uint8Array<ArrayBuffer>): number;
  /** In the place of the program that is there. `undefined`: none from now on. */
  attach(cgroup: string, hook: BpfHook, program: number | undefined): void;
  close(descriptor: number): void;
}

export const linuxBpf: Bpf = {
  createMap({ kind, keyBytes, valueBytes, maxEntries }) {
    const { type, flags } = MAPS[kind];
    return call('createMap', (attribute) => {
      attribute.setUint32(0, type, true); //       0  4  map_type
      attribute.setUint32(4, keyBytes, true); //   4  4  key_size
      attribute.setUint32(8, valueBytes, true); // 8  4  value_size
      attribute.setUint32(12, maxEntries, true); // 12  4  max_entries
      attribute.setUint32(16, flags, true); //     16  4  map_flags
    });
  },
  putElement(map, key, value) {
    callWithElement('putElement', map, key, value);
  },
  removeElement(map, key) {
    callWithElement('removeElement', map, key, new Uint8Array());
  },
  takeElement(map, valueBytes) {
    try {
      return callWithElement('takeElement', map, new Uint8Array(), new Uint8Array(valueBytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
  loadProgram,
  close: closeSync,
  attach(cgroup, hook, program) {
    const fd = openSync(cgroup, 'r');
    try {
      call(program === undefined ? 'detach' : 'attach', (attribute) => {
        attribute.setUint32(0, fd, true); //                     0  4  target_fd
        attribute.setUint32(4, program ?? 0, true); //           4  4  attach_bpf_fd
        attribute.setUint32(8, HOOKS[hook].attachType, true); // 8  4  attach_type
      });
    } catch (error) {
      const isNoneThere = program === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (!isNoneThere) throw error;
    } finally {
      closeSync(fd);
    }
  },
};

const VERIFIER_LOG_BYTES = 64 * 1024;

function loadProgram(hook: BpfHook, instructions: Uint8Array<ArrayBuffer>): number {
  const { type, attachType } = HOOKS[hook];
  const code = copyOf(instructions);
  const license = copyOf(new TextEncoder().encode('MIT\0'));
  const load = (log?: ArrayBuffer): number =>
    call('loadProgram', (attribute) => {
      attribute.setUint32(0, type, true); //                             0  4  prog_type
      attribute.setUint32(4, instructions.length / 8, true); //          4  4  insn_cnt
      attribute.setBigUint64(8, addressOf(code), true); //               8  8  insns
      attribute.setBigUint64(16, addressOf(license), true); //          16  8  license
      attribute.setUint32(24, log === undefined ? 0 : 1, true); //      24  4  log_level
      attribute.setUint32(28, log?.byteLength ?? 0, true); //           28  4  log_size
      attribute.setBigUint64(32, log ? addressOf(log) : 0n, true); //   32  8  log_buf
      attribute.setUint32(68, attachType, true); //                     68  4  expected_attach_type
    });
  try {
    return load();
  } catch (cause) {
    // The verifier writes down what it thinks only when asked: a second try costs nothing that matters.
    const log = new ArrayBuffer(VERIFIER_LOG_BYTES);
    try {
      return load(log);
    } catch {
      const words = new TextDecoder()
        .decode(log)
        .replaceAll('\0', '')
        .trimEnd()
        .split('\n')
        .slice(-4)
        .join('; ');
      throw new Error(`The kernel refuses a program for "${hook}": ${words || String(cause)}`, { cause });
    }
  }
}

function callWithElement(
  command: keyof typeof COMMANDS,
  map: number,
  key: Uint8Array,
  value: Uint8Array,
): Uint8Array {
  const [keyCopy, valueCopy] = [copyOf(key), copyOf(value)];
  call(command, (attribute) => {
    attribute.setUint32(0, map, true); //                                               0  4  map_fd
    attribute.setBigUint64(8, key.length === 0 ? 0n : addressOf(keyCopy), true); //     8  8  key
    attribute.setBigUint64(16, value.length === 0 ? 0n : addressOf(valueCopy), true); // 16  8  value
  });
  return new Uint8Array(valueCopy);
}

/** The kernel follows addresses in the attribute: who fills it in keeps the memory alive. */
function call(command: keyof typeof COMMANDS, fill: (attribute: DataView) => void): number {
  const attribute = new Uint8Array(ATTRIBUTE_BYTES);
  fill(new DataView(attribute.buffer));
  return openBpf()(
    BigInt(ownSyscallNumber('bpf')),
    BigInt(COMMANDS[command]),
    attribute,
    BigInt(attribute.length),
  );
}

let bpf: ReturnType<typeof openSyscall> | undefined;

function openBpf(): ReturnType<typeof openSyscall> {
  bpf ??= openSyscall('bpf', ['int64', 'int64', 'buffer', 'uint64']);
  return bpf;
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
