// Lines without hardware, for a program on a computer and for its tests: outputs keep what is written, inputs have the level
// that `drive` gives them, and edges come from that. Rules and errors are those of the device.

import { encodeLineEvent } from './abi.ts';
import { EdgeQueue } from './edge-queue.ts';
import { MAX_WAITING_EDGES } from './edge-reader.ts';
import { bcmNumberOf } from './line-name.ts';
import { inputConfig, outputConfig, withEdges } from './options.ts';
import type { Edge, EdgeOptions, Gpio, Input, InputOptions, Output, OutputOptions } from './types.ts';

/** What a person, or a test, does with the wires. */
export interface Wires {
  /** Puts a level on the wire of an input; `true` is high. */
  drive(line: number | string, level: boolean): void;
  /** Level of the wire, also of an output. */
  level(line: number | string): boolean;
}

export class SimulatedGpio implements Gpio, Wires {
  readonly #levels = new Map<number, boolean>();
  readonly #open = new Map<number, SimulatedLine>();

  output(line: number | string, options: OutputOptions = {}): Output {
    const { value } = outputConfig(options);
    const opened = new SimulatedOutput(this.#claim(line, 'output'), options.activeLow === true);
    opened.write(value === true);
    return this.#keep(opened);
  }

  input(line: number | string, options: InputOptions = {}): Input {
    inputConfig(options);
    const wire = this.#claim(line, 'input');
    // Nobody drives it yet: the resistor does.
    if (!this.#levels.has(wire.bcm)) this.#levels.set(wire.bcm, options.bias === 'pull-up');
    return this.#keep(new SimulatedInput(wire, options));
  }

  drive(line: number | string, level: boolean): void {
    const bcm = bcmNumberOf(line);
    const opened = this.#open.get(bcm);
    if (opened instanceof SimulatedOutput)
      throw new Error(`Cannot drive GPIO${bcm}: this program has it as an output`);
    if (this.level(bcm) === level) return;
    this.#levels.set(bcm, level);
    if (opened instanceof SimulatedInput) opened.change(level);
  }

  level(line: number | string): boolean {
    return this.#levels.get(bcmNumberOf(line)) ?? false;
  }

  #claim(line: number | string, what: 'output' | 'input'): Wire {
    const bcm = bcmNumberOf(line);
    if (this.#open.has(bcm))
      throw Object.assign(
        new Error(
          `Cannot open GPIO${bcm} as an ${what}: this program holds it, and a line is one program's at a time`,
        ),
        { code: 'EBUSY' },
      );
    return {
      bcm,
      get: () => this.level(bcm),
      set: (level) => void this.#levels.set(bcm, level),
      release: () => void this.#open.delete(bcm),
    };
  }

  #keep<T extends SimulatedLine>(line: T): T {
    this.#open.set(line.bcm, line);
    return line;
  }
}

interface Wire {
  bcm: number;
  get(): boolean;
  set(level: boolean): void;
  release(): void;
}

abstract class SimulatedLine implements Disposable {
  readonly bcm: number;
  protected readonly wire: Wire;
  protected readonly activeLow: boolean;
  #isOpen = true;

  constructor(wire: Wire, activeLow: boolean) {
    this.bcm = wire.bcm;
    this.wire = wire;
    this.activeLow = activeLow;
  }

  read(): boolean {
    this.check('read');
    return this.wire.get() !== this.activeLow;
  }

  close(): void {
    if (this.#isOpen) this.wire.release();
    this.#isOpen = false;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  protected check(verb: string): void {
    if (!this.#isOpen) throw new Error(`Cannot ${verb} GPIO${this.bcm}: it is closed`);
  }
}

class SimulatedOutput extends SimulatedLine implements Output {
  write(value: boolean): void {
    this.check('write');
    this.wire.set(value !== this.activeLow);
  }

  toggle(): boolean {
    const value = !this.read();
    this.write(value);
    return value;
  }
}

class SimulatedInput extends SimulatedLine implements Input {
  readonly #debounceMs: number;
  #follower: { queue: EdgeQueue; of: EdgeOptions['of']; waiting: number; sequence: number } | undefined;
  #settling: NodeJS.Timeout | undefined;
  /** The last level that counted. */
  #settled: boolean;

  constructor(wire: Wire, { activeLow, debounceMs }: InputOptions) {
    super(wire, activeLow === true);
    this.#debounceMs = debounceMs ?? 0;
    this.#settled = wire.get();
  }

  change(level: boolean): void {
    clearTimeout(this.#settling);
    if (this.#debounceMs === 0) this.#settle(level);
    else this.#settling = setTimeout(() => this.#settle(level), this.#debounceMs);
  }

  edges(options: EdgeOptions = {}): AsyncIterableIterator<Edge> {
    const { signal, of = 'both' } = options;
    signal?.throwIfAborted();
    this.check('follow edges of');
    withEdges({ flags: 0n }, options);
    if (this.#follower !== undefined)
      throw new Error(`Cannot follow edges of GPIO${this.bcm}: another loop follows them already`);
    const abort = (): void => queue.fail(signal?.reason);
    const queue = new EdgeQueue({
      onTaken: (count) => void (follower.waiting -= count),
      onEnd: () => {
        this.#follower = undefined;
        signal?.removeEventListener('abort', abort);
      },
    });
    const follower = { queue, of, waiting: 0, sequence: 0 };
    this.#follower = follower;
    signal?.addEventListener('abort', abort, { once: true });
    return queue;
  }

  override close(): void {
    clearTimeout(this.#settling);
    void this.#follower?.queue.return();
    super.close();
  }

  #settle(level: boolean): void {
    if (level === this.#settled) return;
    this.#settled = level;
    const follower = this.#follower;
    const isRising = level !== this.activeLow;
    if (follower === undefined || follower.of === (isRising ? 'falling' : 'rising')) return;
    const sequence = ++follower.sequence;
    if (follower.waiting >= MAX_WAITING_EDGES) return;
    follower.waiting += 1;
    follower.queue.push(encodeLineEvent({ timestampNs: process.hrtime.bigint(), isRising, sequence }));
  }
}
