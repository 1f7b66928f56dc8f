// Keeps the memory of trials: in init, and in /perm as far as that is there.

import type { UpdateRecord } from '../../../shared/update/update-state.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device/device.ts';
import type { PendingTrial, TrialOutcome } from './trial/pending-trial.ts';
import {
  addRecord,
  EMPTY_MEMORY,
  readTrialMemory,
  type TrialMemory,
  writeTrialMemory,
} from './trial-memory.ts';

export class TrialBook {
  readonly #device: Device;
  #memory: TrialMemory = EMPTY_MEMORY;
  #isLoaded = false;

  constructor(device: Device) {
    this.#device = device;
  }

  get history(): readonly UpdateRecord[] {
    return this.#memory.history;
  }

  get newestSignedAtSec(): number | undefined {
    return this.#memory.newestSignedAtSec;
  }

  /** Once /perm is there. Returns what is pending, by what an earlier start has noted. */
  load(): PendingTrial | null {
    if (this.#device.perm.state !== 'mounted') return null;
    this.#isLoaded = true;
    try {
      this.#memory = readTrialMemory(this.#device.sys);
      return this.#memory.pending;
    } catch (error) {
      this.#device.warn(`What came of earlier updates is lost: ${describeError(error)}`);
      return null;
    }
  }

  /** False when it is not sure to outlive a restart. */
  note(pending: PendingTrial | null): boolean {
    return this.#remember({ ...this.#memory, pending });
  }

  /** Nothing is pending any more, and the history has one more entry. */
  close(trial: PendingTrial, outcome: TrialOutcome): void {
    this.#remember(addRecord(this.#memory, trial, outcome));
  }

  #remember(memory: TrialMemory): boolean {
    this.#memory = memory;
    // Before it was read it would be overwritten.
    if (!this.#isLoaded) return false;
    try {
      writeTrialMemory(this.#device.sys, memory);
      return true;
    } catch (error) {
      this.#device.log.say(`What comes of this update cannot be noted: ${describeError(error)}`);
      return false;
    }
  }
}
