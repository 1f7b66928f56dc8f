// Whether the firmware keeps what it is told. With each trial a variable of ours gets a new value that is noted in
// /perm, too: when the next start does not find it, the firmware has forgotten, and the slot was never tried. A device
// with such a firmware uses kexec from then on, and goes on trying a variable, because firmware gets well (an
// update of it, a new battery). Nothing here decides what starts.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { KEXEC_START, parseCmdline, START_PARAMETER } from '../../../shared/board/cmdline.ts';
import { writeDurably } from '../../durable-file.ts';
import { STATE_DIRECTORY } from '../../state-directory.ts';
import type { Sys } from '../../sys/sys.ts';
import { type EfiVariables, ownVariable } from './efi-variables.ts';

const STATE_FILE = `${STATE_DIRECTORY}/boot-switch.json`;
const CANARY = ownVariable('TrialTrace');
const CANARY_BYTES = 8;

interface State {
  armed?: 'efi-variable' | 'kexec';
  /** What the variable has to be after the next start through the firmware. */
  expected?: string;
  firmwareForgets?: boolean;
}

export class FirmwareMemory {
  readonly #sys: Sys;
  readonly #variables: EfiVariables | undefined;

  constructor(sys: Sys, variables: EfiVariables | undefined) {
    this.#sys = sys;
    this.#variables = variables;
  }

  get firmwareForgets(): boolean {
    return this.#read().firmwareForgets === true;
  }

  /** To be called first: what fails here is not armed. */
  async prepare(): Promise<string> {
    const expected = randomBytes(CANARY_BYTES).toString('hex');
    await this.#variables?.write(CANARY, Buffer.from(expected));
    return expected;
  }

  /** To be called last: a power cut before only loses the trace. */
  noteEfiVariable(expected: string): void {
    this.#write({ armed: 'efi-variable', expected });
  }

  noteKexec(): void {
    this.#write({ ...this.#read(), armed: 'kexec' });
  }

  noteDisarmed(): void {
    const { armed: _, ...state } = this.#read();
    this.#write(state);
  }

  /** What became of the trial that was armed before this start; null: none was. */
  async take(): Promise<'kept' | 'lost' | null> {
    const before = this.#read();
    const isKept = await this.#isKept(before);
    const firmwareForgets = isKept === undefined ? before.firmwareForgets === true : !isKept;
    const after: State = firmwareForgets ? { expected: await this.#probe(before), firmwareForgets } : {};
    if (JSON.stringify(after) !== JSON.stringify(before)) this.#write(after);
    if (before.armed === undefined) return null;
    return before.armed === 'efi-variable' && isKept === false ? 'lost' : 'kept';
  }

  /** undefined: this start says nothing about it. */
  async #isKept({ expected }: State): Promise<boolean | undefined> {
    if (expected === undefined || this.#isStartedByKexec()) return undefined;
    const value = await this.#variables?.read(CANARY);
    return value?.toString() === expected;
  }

  /** The same value each time, so that a firmware that does keep it is not written at each start. */
  async #probe({ expected }: State): Promise<string> {
    const value = expected ?? randomBytes(CANARY_BYTES).toString('hex');
    // One that cannot even be written is one that is not kept.
    await this.#variables?.write(CANARY, Buffer.from(value)).catch(() => {});
    return value;
  }

  #isStartedByKexec(): boolean {
    const cmdline = readFileSync(this.#sys.path('/proc/cmdline'), 'utf8');
    return parseCmdline(cmdline).get(START_PARAMETER) === KEXEC_START;
  }

  /** Nothing, or a broken file, means a firmware as it should be. */
  #read(): State {
    try {
      const state = JSON.parse(readFileSync(this.#sys.path(STATE_FILE), 'utf8')) as State | null;
      return state ?? {};
    } catch {
      return {};
    }
  }

  #write(state: State): void {
    writeDurably(this.#sys.path(STATE_FILE), JSON.stringify(state), 0o600);
  }
}
