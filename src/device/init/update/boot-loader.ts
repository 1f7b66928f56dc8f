// The boot loader for as long as the device runs: opened once, and which slot it starts is remembered, because asking
// means reading the disk. After a commit that has failed nothing is taken for granted: the disk is asked, and as long
// as it does not say, it is not known.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Slot } from '../../../shared/board/slots.ts';
import type { UpdateState } from '../../../shared/update/update-state.ts';
import type { BootSwitch } from '../../boot-loader/boot-switch.ts';
import { describeError } from '../../describe-error.ts';
import type { StartTrace } from './last-trial.ts';

/** Of one sector, on a disk that may be dying; the device goes back to its old slot meanwhile. */
const TAKE_BACK_LIMIT_MS = 10_000;

export class BootLoader {
  readonly #say: (text: string) => void;
  #bootSwitch: BootSwitch | null = null;
  #committed: Slot | null = null;
  /** What was committed before a commit that is going on or has failed. */
  #before: Slot | null = null;
  #isCommitting = false;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  async open(openBootSwitch: () => Promise<BootSwitch>): Promise<void> {
    this.#bootSwitch = await openBootSwitch();
    this.#committed = await this.#bootSwitch.committed();
  }

  /** null: not known. */
  get committed(): Slot | null {
    return this.#committed;
  }

  get trialStart(): UpdateState['trialStart'] {
    return this.#bootSwitch?.trialStart ?? null;
  }

  /** Throws when there is none. */
  get bootSwitch(): BootSwitch {
    if (this.#bootSwitch === null) throw new Error('There is no boot loader that could be read');
    return this.#bootSwitch;
  }

  /** To be asked for at every start: the switch finds out about the firmware by it. */
  async takeTrace(): Promise<StartTrace> {
    try {
      return (await this.#bootSwitch?.takeTrace()) ?? null;
    } catch (error) {
      this.#say(`It is not known what the firmware keeps: ${describeError(error)}`);
      return null;
    }
  }

  async commit(slot: Slot): Promise<void> {
    const { bootSwitch } = this;
    // It may have been unreadable at the start of the trial.
    this.#before ??= this.#committed ?? (await bootSwitch.committed());
    this.#isCommitting = true;
    try {
      await bootSwitch.commit(slot);
      this.#committed = slot;
      this.#before = null;
    } catch (error) {
      // It may have reached the medium nevertheless.
      this.#committed = await bootSwitch.committed().catch(() => null);
      throw error;
    } finally {
      this.#isCommitting = false;
    }
  }

  /** When a trial is rolled back: a commit of it that was tried must not come true. */
  async takeBackCommit(): Promise<void> {
    const before = this.#before;
    if (before === null) return;
    this.#committed = null;
    // A disk that does not answer.
    if (this.#isCommitting) return;
    try {
      await withinLimit(this.commit(before));
    } catch (error) {
      this.#say(`It is not sure that slot ${before} is what starts: ${describeError(error)}`);
    }
  }
}

async function withinLimit(work: Promise<void>): Promise<void> {
  const isTooLate = new AbortController();
  const limit = sleep(TAKE_BACK_LIMIT_MS, undefined, { signal: isTooLate.signal }).then(() => {
    throw new Error('the disk does not answer');
  });
  // Not waited for, it may still fail.
  limit.catch(() => {});
  try {
    await Promise.race([work, limit]);
  } finally {
    isTooLate.abort();
  }
}
