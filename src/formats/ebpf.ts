// An assembler for eBPF, the kernel's own machine code for small programs (RFC 9669): steps in, bytes out. It has the
// instructions that our programs use and no others.

export type Register = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

interface Instruction {
  code: number;
  destination?: Register;
  source?: number;
  offset?: number;
  immediate?: number;
  /** Label that a jump goes to, instead of `offset`. */
  target?: string;
  /** The instruction takes two places (a value of 64 bits). */
  isWide?: boolean;
}

/** A label stands for the instruction that follows it. */
export type Step = Instruction | { label: string };

/** Bytes of one place. */
export const INSTRUCTION_BYTES = 8;
/** The register that holds the end of the program's stack; what the program keeps is below it. */
export const FRAME: Register = 10;

const PSEUDO_MAP_FD = 1;

/** Conditions on the lower 32 bits, without sign: bits of an opcode of class JMP32. */
const CONDITIONS = { '==': 0x16, '>': 0x26, '>=': 0x36, '!=': 0x56, '<': 0xa6, '<=': 0xb6 } as const;

export function label(name: string): Step {
  return { label: name };
}

/** destination = *(u32 *)(source + offset) */
export function loadWord(destination: Register, source: Register, offset: number): Step {
  return { code: 0x61, destination, source, offset };
}

/** destination = *(u64 *)(source + offset), as pointers are. */
export function loadPointer(destination: Register, source: Register, offset: number): Step {
  return { code: 0x79, destination, source, offset };
}

/** *(u32 *)(destination + offset) = source */
export function storeWord(destination: Register, offset: number, source: Register): Step {
  return { code: 0x63, destination, source, offset };
}

export function storeConstant(destination: Register, offset: number, immediate: number): Step {
  return { code: 0x62, destination, offset, immediate };
}

export function setConstant(destination: Register, immediate: number): Step {
  return { code: 0xb7, destination, immediate };
}

export function copyRegister(destination: Register, source: Register): Step {
  return { code: 0xbf, destination, source };
}

export function addConstant(destination: Register, immediate: number): Step {
  return { code: 0x07, destination, immediate };
}

/** Turns the lower 16 bits from network order into the processor's or back, and clears the others. */
export function swap16(destination: Register): Step {
  return { code: 0xdc, destination, immediate: 16 };
}

/** The map of that descriptor, which only has to be open while the program is loaded. */
export function loadMap(destination: Register, fd: number): Step {
  return { code: 0x18, destination, source: PSEUDO_MAP_FD, immediate: fd, isWide: true };
}

export function jump(target: string): Step {
  return { code: 0x05, target };
}

export function jumpIf(
  register: Register,
  condition: keyof typeof CONDITIONS,
  immediate: number,
  target: string,
): Step {
  return { code: CONDITIONS[condition], destination: register, immediate, target };
}

export function jumpIfNull(register: Register, target: string): Step {
  return { code: 0x15, destination: register, immediate: 0, target };
}

/** Arguments are in registers 1 to 5, which are lost; the result is in register 0. */
export function call(helper: number): Step {
  return { code: 0x85, immediate: helper };
}

export function exit(): Step {
  return { code: 0x95 };
}

export function assemble(steps: readonly Step[]): Uint8Array<ArrayBuffer> {
  const { instructions, labels } = place(steps);
  const bytes = new Uint8Array(instructions.at(-1)?.end ?? 0);
  const view = new DataView(bytes.buffer);
  for (const { instruction, start, end } of instructions) {
    const { code, destination = 0, source = 0, immediate = 0, target } = instruction;
    const offset = target === undefined ? (instruction.offset ?? 0) : distanceTo(target, labels, end);
    view.setUint8(start, code); //                          0  1  opcode
    view.setUint8(start + 1, destination | (source << 4)); // 1  1  registers
    view.setInt16(start + 2, offset, true); //              2  2  offset
    view.setInt32(start + 4, immediate, true); //           4  4  immediate
  }
  return bytes;
}

function place(steps: readonly Step[]) {
  const labels = new Map<string, number>();
  const instructions: { instruction: Instruction; start: number; end: number }[] = [];
  let start = 0;
  for (const step of steps) {
    if ('label' in step) {
      if (labels.has(step.label))
        throw new TypeError(`Cannot assemble: label "${step.label}" is there twice`);
      labels.set(step.label, start);
      continue;
    }
    const end = start + INSTRUCTION_BYTES * (step.isWide === true ? 2 : 1);
    instructions.push({ instruction: step, start, end });
    start = end;
  }
  return { instructions, labels };
}

/** In places, from behind the jump. */
function distanceTo(target: string, labels: ReadonlyMap<string, number>, end: number): number {
  const position = labels.get(target);
  if (position === undefined) throw new TypeError(`Cannot assemble: there is no label "${target}"`);
  const distance = (position - end) / INSTRUCTION_BYTES;
  if (distance > 0x7fff) throw new RangeError(`Cannot assemble: label "${target}" is too far from its jump`);
  return distance;
}
