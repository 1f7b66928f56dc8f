// Whether the firmware keeps what it is told. With each trial a variable of ours gets a new value that is noted in
// /perm, too: when the next start does not find it, the firmware has forgotten, and the slot was never tried. A device
// with such a firmware starts trials in another way from then on, and goes on writing a variable, because firmware gets
// well (an update of it, a new battery).

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isKexecStart } from '../../../shared/board/cmdline.ts';
import type { Sys } from '../../sys/sys.ts';
import type { Recollection, WayNotes } from '../trial-way.ts';
import { type EfiVariables, ownVariable } from './efi-variables.ts';

const CANARY = ownVariable('TrialTrace');
const CANARY_BYTES = 8;

/** Ours among the notes. */
interface MemoryNotes {
  /** What the variable has to be after the next start through the firmware. */
  expected?: string;
  firmwareForgets?: boolean;
}

export class FirmwareMemory {
  readonly #sys: Pick<Sys, 'path'>;
  readonly #variables: EfiVariables | undefined;

  constructor(sys: Pick<Sys, 'path'>, variables: EfiVariables | undefined) {
    this.#sys = sys;
    this.#variables = variables;
  }

  isKnownToFail(notes: WayNotes): boolean {
    return notes['firmwareForgets'] === true;
  }

  /** Called with each trial. Returns what is to be noted. */
  async begin(notes: WayNotes): Promise<WayNotes> {
    const expected = randomBytes(CANARY_BYTES).toString('hex');
    await this.#variables?.write(CANARY, Buffer.from(expected));
    return withOurs(notes, { expected });
  }

  /** Called at each start. */
  async recall(notes: WayNotes): Promise<Recollection> {
    const isKept = await this.#isKept(notes);
    const isForgetful = isKept === undefined ? this.isKnownToFail(notes) : !isKept;
    const ours = isForgetful ? { expected: await this.#probe(notes), firmwareForgets: true } : {};
    return { notes: withOurs(notes, ours), isLost: isKept === false };
  }

  /** undefined: this start says nothing about it. */
  async #isKept({ expected }: WayNotes): Promise<boolean | undefined> {
    if (expected === undefined || this.#isPastFirmware()) return undefined;
    const value = await this.#variables?.read(CANARY);
    return value?.toString() === expected;
  }

  /** The same value each time, so that a firmware that does keep it is not written at each start. */
  async #probe({ expected }: WayNotes): Promise<string> {
    const value = typeof expected === 'string' ? expected : randomBytes(CANARY_BYTES).toString('hex');
    // One that cannot even be written is one that is not kept.
    await this.#variables?.write(CANARY, Buffer.from(value)).catch(() => {});
    return value;
  }

  #isPastFirmware(): boolean {
    return isKexecStart(readFileSync(this.#sys.path('/proc/cmdline'), 'utf8'));
  }
}

function withOurs(notes: WayNotes, ours: MemoryNotes): WayNotes {
  const { expected: _expected, firmwareForgets: _forgets, ...others } = notes;
  return { ...others, ...ours };
}
