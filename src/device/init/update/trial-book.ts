// Keeps the memory of trials: in init, and in /perm as far as that is there.

import type { UpdateRecord } from '../../../shared/update/update-state.ts';
import { MAX_UPDATE_RECORDS } from '../../../shared/update/update-state.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device.ts';
import type { PendingTrial, TrialOutcome } from './trial/pending-trial.ts';
import { EMPTY_MEMORY, readTrialMemory, type TrialMemory, writeTrialMemory } from './trial-memory.ts';

export class TrialBook {
  readonly #device: Device;
  #memory: TrialMemory = EMPTY_MEMORY;

  constructor(device: Device) {
    this.#device = device;
  }

  get history(): readonly UpdateRecord[] {
    return this.#memory.history;
  }

  /** Once /perm is there. Returns what is pending, by what an earlier start has noted. */
  load(): PendingTrial | null {
    if (this.#device.perm.state !== 'mounted') return null;
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
  close(trial: PendingTrial, { outcome, bootId, atMs, reason, lastLines }: TrialOutcome): void {
    const record: UpdateRecord = {
      id: trial.id,
      startedAtMs: trial.askedAtMs,
      endedAtMs: atMs,
      fromBuildId: trial.fromBuildId,
      toBuildId: trial.buildId,
      toSlot: trial.slot,
      mode: trial.mode,
      who: trial.who,
      outcome,
      reason,
      lastLines,
      bootId,
    };
    const history = [record, ...this.#memory.history].slice(0, MAX_UPDATE_RECORDS);
    this.#remember({ pending: null, history });
  }

  #remember(memory: TrialMemory): boolean {
    this.#memory = memory;
    if (this.#device.perm.state !== 'mounted') return false;
    try {
      writeTrialMemory(this.#device.sys, memory);
      return true;
    } catch (error) {
      this.#device.log.say(`What comes of this update cannot be noted: ${describeError(error)}`);
      return false;
    }
  }
}
