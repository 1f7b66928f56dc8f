// What a program sees of GPIO lines, on a device and in a simulation.

export interface LineOptions {
  /** The line counts as on (`true`) while it is low, as a button to ground. Default: false. */
  activeLow?: boolean;
}

export interface OutputOptions extends LineOptions {
  /** From the first moment on. Default: false. */
  initial?: boolean;
  /** What it does besides driving the line to both sides: only to low, or only to high. Default: `push-pull`. */
  drive?: 'push-pull' | 'open-drain' | 'open-source';
}

export interface InputOptions extends LineOptions {
  /** The resistor in the chip. Default: as it is. */
  bias?: 'pull-up' | 'pull-down' | 'none';
  /** A change counts when the line has kept still for so long, up to 60,000; the kernel sees to that. Default: 0. */
  debounceMs?: number;
}

export interface Edge {
  /** Level from now on; with `activeLow` it is the other way around than on the wire. */
  value: boolean;
  /** When it happened, on the clock of `process.hrtime.bigint()`. */
  timeNs: bigint;
  /** Edges that came between the one before and this one, and for which there was no room. */
  lost: number;
}

export interface EdgeOptions {
  /** Which of them. Default: `both`. */
  of?: 'rising' | 'falling' | 'both';
  signal?: AbortSignal;
}

interface Line extends Disposable {
  /** Its BCM number: that of `GPIO17` is 17. */
  readonly bcm: number;
  read(): boolean;
  /** Others may have the line from now on. */
  close(): void;
}

export interface Output extends Line {
  write(value: boolean): void;
  /** Returns the value that it has then. */
  toggle(): boolean;
}

export interface Input extends Line {
  /**
   * From this call on, until the loop is left, `signal` is aborted (which throws its reason) or the line is closed (which
   * ends the loop). One at a time for each line.
   */
  edges(options?: EdgeOptions): AsyncIterableIterator<Edge>;
}

/** What opens lines. */
export interface Gpio {
  output(line: number | string, options?: OutputOptions): Output;
  input(line: number | string, options?: InputOptions): Input;
}
