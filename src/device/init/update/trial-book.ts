// Keeps the memory of trials: in init, and in /perm as far as that is there.

import type { UpdateOutcome, UpdateRecord } from '../../../shared/update/update-state.ts';
import { MAX_UPDATE_RECORDS } from '../../../shared/update/update-state.ts';
import { describeError } from '../../describe-error.ts';
import type { Device } from '../device.ts';
import {
  EMPTY_MEMORY,
  type PendingTrial,
  readTrialMemory,
  type TrialEnding,
  type TrialMemory,
  writeTrialMemory,
} from './trial-memory.ts';

const MAX_LAST_LINES = 20;
const MAX_LINE_CHARACTERS = 300;
const MAX_REASON_CHARACTERS = 1000;

export type TrialOutcome = { outcome: UpdateOutcome; bootId: string | null } & TrialEnding;

export class TrialBook {
  readonly #device: Device;
  #memory: TrialMemory = EMPTY_MEMORY;

  constructor(device: Device) {
    this.#device = device;
  }

  get pending(): PendingTrial | null {
    return this.#memory.pending;
  }

  get history(): readonly UpdateRecord[] {
    return this.#memory.history;
  }

  /** Once /perm is there. */
  load(): void {
    if (this.#device.perm.state !== 'mounted') return;
    try {
      this.#memory = readTrialMemory(this.#device.sys);
    } catch (error) {
      this.#device.warn(`What came of earlier updates is lost: ${describeError(error)}`);
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

/** How a trial ended, and the last lines of the log that tells most of it. */
export function makeEnding(
  reason: string | null,
  { of, lines }: { of: string; lines: readonly { text: string }[] } = { of: '', lines: [] },
  atMs: number = Date.now(),
): TrialEnding {
  const last = lines.slice(-MAX_LAST_LINES).map(({ text }) => text.slice(0, MAX_LINE_CHARACTERS));
  return {
    atMs,
    reason: reason?.slice(0, MAX_REASON_CHARACTERS) ?? null,
    lastLines: last.length === 0 ? null : { of, lines: last },
  };
}
