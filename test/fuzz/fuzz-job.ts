// What the runner and its thread say to each other.

export interface FuzzJob {
  name: string;
  seed: number;
  milliseconds: number;
  inputs: number;
  /** That input alone, instead of made ones. */
  input: Uint8Array | undefined;
  /** [number of the run, length of its input], then the input. */
  shared: SharedArrayBuffer;
  /** For files of a target; gone at the end. */
  scratchDirectory: string;
}

export interface FuzzReport {
  inputs: number;
  /** Taken as valid. */
  accepted: number;
  /** Kinds of outcomes that were seen. */
  kinds: number;
  failure: { problem: string; input: Uint8Array } | undefined;
}

export const SHARED_HEAD_BYTES = 8;
