// Programs of the kernel's first packet filter language, which socket filters and seccomp(2) filters are written in, and
// decisions that are compiled to them. A decision is a tree; compiled, it is a sequence without loops in which every
// jump skips one of the parts. linux/filter.h, linux/bpf_common.h.

/** One step of a program: [code, jump if true, jump if false, operand]. */
export type FilterStep = readonly [code: number, ifTrue: number, ifFalse: number, operand: number];

export type Decision<Answer> =
  | { answer: Answer }
  | ({ word: number; yes: Decision<Answer>; no: Decision<Answer> } & WordTest);

/** Of the 32 bits at `word` in what the filter is given. */
type WordTest = { atLeast: number } | { anyBitOf: number } | { oneOf: readonly number[] };

const LOAD_WORD = 0x20;
const JUMP = 0x05;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_ANY_BIT = 0x45;
const RETURN = 0x06;
const STEP_BYTES = 8;
/** What the eight bits of a comparison's jump can skip. */
const LONGEST_JUMP = 0xff;

/** `numberOf` is what the kernel takes for an answer; `loaded` the word that the accumulator holds at the start. */
export function compileDecision<Answer>(
  decision: Decision<Answer>,
  numberOf: (answer: Answer) => number,
  loaded?: number,
): FilterStep[] {
  if ('answer' in decision) return [[RETURN, 0, 0, numberOf(decision.answer)]];
  const { word } = decision;
  const yes = compileDecision(decision.yes, numberOf, word);
  const no = compileDecision(decision.no, numberOf, word);
  const load: FilterStep[] = word === loaded ? [] : [[LOAD_WORD, 0, 0, word]];
  return [...load, ...compileTest(decision, yes.length), ...yes, ...no];
}

/** Goes on behind itself if the test holds, or else `yesLength` further. */
function compileTest(test: WordTest, yesLength: number): FilterStep[] {
  if ('atLeast' in test) return unlessSkip(JUMP_AT_LEAST, test.atLeast, yesLength);
  if ('anyBitOf' in test) return unlessSkip(JUMP_ANY_BIT, test.anyBitOf, yesLength);
  const last = unlessSkip(JUMP_EQUAL, test.oneOf.at(-1)!, yesLength);
  const others = test.oneOf.slice(0, -1);
  return [
    ...others.map((value, index): FilterStep => [
      JUMP_EQUAL,
      others.length - 1 - index + last.length,
      0,
      value,
    ]),
    ...last,
  ];
}

/** A part that is too long for a comparison to skip is skipped by a jump of its own. */
function unlessSkip(code: number, operand: number, length: number): FilterStep[] {
  if (length <= LONGEST_JUMP) return [[code, 0, length, operand]];
  return [
    [code, 1, 0, operand],
    [JUMP, 0, 0, length],
  ];
}

/** struct sock_filter, one after the other. */
export function encodeFilter(steps: readonly FilterStep[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(steps.length * STEP_BYTES);
  const view = new DataView(bytes.buffer);
  for (const [index, [code, ifTrue, ifFalse, operand]] of steps.entries()) {
    const offset = index * STEP_BYTES;
    view.setUint16(offset, code, true); //        0  2  code
    view.setUint8(offset + 2, ifTrue); //         2  1  jt
    view.setUint8(offset + 3, ifFalse); //        3  1  jf
    view.setUint32(offset + 4, operand, true); // 4  4  k
  }
  return bytes;
}
