// Tells panics, hangs and slowness of a booting machine apart, by signs of life: what its console prints, the processor
// time that it uses, and the time that it waits for a processor. Pure: looked at again and again, at times that are given.

import type { ProcessTime } from './process-time.ts';

export interface BootSigns extends ProcessTime {
  /** On any clock that goes on. */
  atMs: number;
  console: string;
  /** As QEMU names it. */
  runState: string;
}

export interface BootFault {
  kind: 'panic' | 'hang' | 'stopped' | 'late';
  /** Completes "Cannot boot the virtual machine: ..." */
  what: string;
}

export interface BootLimits {
  /** Without a line, an answer, and anything worth mentioning of the processor. */
  idleMs: number;
  /** Processor time since the last line. */
  spinMs: number;
  /** In all, without the time that the machine waited for a processor. */
  totalMs: number;
}

/**
 * An emulated boot uses some 25 s of processor time, half of them after its last line. One that works uses a tenth of a
 * processor at least; one that only waits, for an interrupt that does not come, a hundredth.
 */
const BOOT_LIMITS: BootLimits = { idleMs: 60_000, spinMs: 150_000, totalMs: 600_000 };
const IDLE_SHARE = 0.05;
/** Nobody looked for so long: the computer was suspended, or this process was. */
const GAP_MS = 20_000;
/** A kernel that panics goes on printing. */
const PANIC_END = /---\[ end Kernel panic/;
const PANIC = /Kernel panic - not syncing: (.*)/;
/** From when on it is worth saying that the machine is starved. */
const SLOW_AFTER_MS = 20_000;

interface Mark extends ProcessTime {
  atMs: number;
}

export class BootJudge {
  readonly #limits: BootLimits;
  #first: Mark | undefined;
  #last: Mark | undefined;
  /** When the console last grew. */
  #grown: Mark | undefined;
  /** Start of the time in which nothing has happened. */
  #still: Mark | undefined;
  #consoleLength = 0;
  #sawPanic = false;
  #gapsMs = 0;

  constructor(limits: Partial<BootLimits> = {}) {
    this.#limits = { ...BOOT_LIMITS, ...limits };
  }

  look(signs: BootSigns): BootFault | null {
    const mark: Mark = { atMs: signs.atMs, usedMs: signs.usedMs, waitedMs: signs.waitedMs };
    this.#first ??= mark;
    this.#note(mark, signs.console.length);
    return this.#panic(signs.console) ?? this.#stop(signs.runState) ?? this.#hang(mark) ?? this.#late(mark);
  }

  /** Why it takes so long, if this computer is the reason. */
  slowness(): string | null {
    const [first, last] = [this.#first, this.#last];
    if (!first || !last || last.atMs - first.atMs < SLOW_AFTER_MS) return null;
    const [used, waited] = [last.usedMs - first.usedMs, last.waitedMs - first.waitedMs];
    if (waited < used) return null;
    return `slow: this computer is busy, the machine got ${seconds(used)} of processor time in ${seconds(last.atMs - first.atMs)}`;
  }

  #note(mark: Mark, consoleLength: number): void {
    const last = this.#last ?? mark;
    this.#last = mark;
    const hasGap = mark.atMs - last.atMs > GAP_MS;
    if (hasGap) this.#gapsMs += mark.atMs - last.atMs;
    const hasGrown = consoleLength !== this.#consoleLength;
    this.#consoleLength = consoleLength;
    if (hasGrown || this.#grown === undefined) this.#grown = mark;
    if (hasGrown || hasGap || this.#still === undefined || isBusy(this.#still, mark, this.#limits.idleMs))
      this.#still = mark;
  }

  #panic(console: string): BootFault | null {
    const [, reason] = PANIC.exec(console) ?? [];
    if (reason === undefined) return null;
    const isWhole = this.#sawPanic || PANIC_END.test(console);
    this.#sawPanic = true;
    return isWhole ? { kind: 'panic', what: `its kernel panicked ("${reason.trim()}")` } : null;
  }

  #stop(runState: string): BootFault | null {
    if (runState !== 'internal-error') return null;
    return { kind: 'stopped', what: 'the accelerator cannot run its code (QEMU says "internal-error")' };
  }

  #hang({ atMs, usedMs }: Mark): BootFault | null {
    const { idleMs, spinMs } = this.#limits;
    if (this.#still && atMs - this.#still.atMs >= idleMs) {
      const idle = seconds(atMs - this.#still.atMs);
      return {
        kind: 'hang',
        what: `it hangs: for ${idle} it printed nothing, answered nothing and did nothing`,
      };
    }
    if (this.#grown && usedMs - this.#grown.usedMs >= spinMs) {
      const spun = seconds(usedMs - this.#grown.usedMs);
      return { kind: 'hang', what: `it hangs: it has used ${spun} of processor time since its last line` };
    }
    return null;
  }

  #late({ atMs, waitedMs }: Mark): BootFault | null {
    const first = this.#first!;
    const livedMs = atMs - first.atMs - this.#gapsMs - (waitedMs - first.waitedMs);
    if (livedMs < this.#limits.totalMs) return null;
    return { kind: 'late', what: `it lives, but its page has not answered for ${seconds(livedMs)}` };
  }
}

/** A starved machine wants to work: what it waited counts as what it used. */
function isBusy(from: Mark, to: Mark, idleMs: number): boolean {
  const spent = to.usedMs - from.usedMs + (to.waitedMs - from.waitedMs);
  return spent > idleMs * IDLE_SHARE;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}
