// Runs assembled eBPF programs as RFC 9669 says, as far as our assembler goes. Memory is one array of bytes with the
// context at CONTEXT and the stack behind it; helpers are the test's.

import { INSTRUCTION_BYTES } from '../../../src/formats/ebpf.ts';

const CONTEXT = 0x100;
const STACK_END = 0x800;
const MAX_STEPS = 100_000;

interface Machine {
  memory: Uint8Array;
  /** Bytes at an address, which may be changed. */
  at: (address: bigint, length: number) => Uint8Array;
}

/** Takes registers 1 to 5, gives register 0. */
export type Helper = (machine: Machine, ...args: bigint[]) => bigint;

export function runProgram(
  program: Uint8Array,
  context: Uint8Array,
  helpers: Readonly<Record<number, Helper>> = {},
): bigint {
  const memory = new Uint8Array(0x1000);
  memory.set(context, CONTEXT);
  const view = new DataView(memory.buffer);
  const code = new DataView(program.buffer, program.byteOffset, program.length);
  const registers = Array.from({ length: 11 }, () => 0n);
  registers[1] = BigInt(CONTEXT);
  registers[10] = BigInt(STACK_END);
  const machine = {
    memory,
    at: (address: bigint, length: number) => memory.subarray(Number(address), Number(address) + length),
  };
  const get = (register: number): bigint => registers[register] ?? 0n;
  const set = (register: number, value: bigint): void => {
    if (register === 10) throw new Error('A program must not move its stack');
    registers[register] = BigInt.asUintN(64, value);
  };
  let place = 0;
  for (let step = 0; step < MAX_STEPS; step++) {
    const start = place * INSTRUCTION_BYTES;
    const opcode = code.getUint8(start);
    const [destination, source] = [code.getUint8(start + 1) & 15, code.getUint8(start + 1) >> 4];
    const offset = code.getInt16(start + 2, true);
    const immediate = code.getInt32(start + 4, true);
    place++;
    const addressAt = (register: number): number => Number(get(register)) + offset;
    switch (opcode) {
      case 0x61:
        set(destination, BigInt(view.getUint32(addressAt(source), true)));
        break;
      case 0x79:
        set(destination, view.getBigUint64(addressAt(source), true));
        break;
      case 0x63:
        view.setUint32(addressAt(destination), Number(get(source) & 0xffff_ffffn), true);
        break;
      case 0x62:
        view.setInt32(addressAt(destination), immediate, true);
        break;
      case 0xb7:
        set(destination, BigInt(immediate));
        break;
      case 0xbf:
        set(destination, get(source));
        break;
      case 0x07:
        set(destination, get(destination) + BigInt(immediate));
        break;
      case 0xdc: {
        const low = Number(get(destination) & 0xffffn);
        set(destination, BigInt(((low & 0xff) << 8) | (low >> 8)));
        break;
      }
      case 0x18:
        set(destination, BigInt(immediate));
        place++;
        break;
      case 0x05:
        place += offset;
        break;
      case 0x15:
        if (get(destination) === BigInt(immediate)) place += offset;
        break;
      case 0x85: {
        const helper = helpers[immediate];
        if (helper === undefined) throw new Error(`There is no helper ${immediate}`);
        const [one = 0n, two = 0n, three = 0n, four = 0n, five = 0n] = registers.slice(1, 6);
        set(0, helper(machine, one, two, three, four, five));
        // The kernel promises nothing of what is left in them.
        for (const register of [1, 2, 3, 4, 5]) set(register, 0xdead_beefn);
        break;
      }
      case 0x95:
        return get(0);
      default:
        if (jumps(opcode, Number(get(destination) & 0xffff_ffffn), immediate >>> 0)) place += offset;
    }
  }
  throw new Error('The program does not end');
}

function jumps(opcode: number, left: number, right: number): boolean {
  switch (opcode) {
    case 0x16:
      return left === right;
    case 0x26:
      return left > right;
    case 0x36:
      return left >= right;
    case 0x56:
      return left !== right;
    case 0xa6:
      return left < right;
    case 0xb6:
      return left <= right;
    default:
      throw new Error(`There is no instruction 0x${opcode.toString(16)}`);
  }
}
