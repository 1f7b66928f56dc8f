// The boot loader as the trials use it, for as long as the device runs. What it has to do is the machine's to say;
// here is what can fail, in words.

import type { Slot } from '../../../shared/board/slots.ts';
import type { UpdateState } from '../../../shared/update/update-state.ts';
import type { BootSwitch, StartTrace } from '../../boot-loader/boot-switch.ts';
import { describeError } from '../../describe-error.ts';
import type { TrialEvent } from './trial/state.ts';

export class BootLoader {
  readonly #say: (text: string) => void;
  #bootSwitch: BootSwitch | null = null;

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  /** Resolves with the slot that it starts. */
  async open(openBootSwitch: () => Promise<BootSwitch>): Promise<Slot> {
    this.#bootSwitch = await openBootSwitch();
    return this.#bootSwitch.committed();
  }

  get trialStart(): UpdateState['trialStart'] {
    return this.#bootSwitch?.trialStart ?? null;
  }

  /** Of the firmware and of what it cannot do, as far as either is known. */
  get facts(): Pick<UpdateState, 'trialProblem' | 'bootFirmware'> {
    const { trialProblem, firmware } = this.#bootSwitch ?? {};
    return {
      ...(trialProblem !== undefined && { trialProblem }),
      ...(firmware !== undefined && { bootFirmware: firmware }),
    };
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

  async arm(slot: Slot): Promise<TrialEvent> {
    try {
      await this.#open().armTrial(slot);
      return { type: 'armed' };
    } catch (error) {
      return { type: 'not armed', problem: describeError(error) };
    }
  }

  async disarm(): Promise<void> {
    try {
      await this.#open().disarm();
    } catch (error) {
      this.#say(`Cannot take back a start on trial: ${describeError(error)}`);
    }
  }

  /** `onRead`: called before anything is written, where it is not known what is committed now. */
  async commit(slot: Slot, onRead: ((committed: Slot) => void) | null): Promise<TrialEvent> {
    try {
      const bootSwitch = this.#open();
      if (onRead !== null) onRead(await bootSwitch.committed());
      await bootSwitch.commit(slot);
      return { type: 'written', slot };
    } catch (error) {
      const committed = (await this.#bootSwitch?.committed().catch(() => null)) ?? null;
      return { type: 'not written', slot, problem: describeError(error), committed };
    }
  }

  async restartIntoTrial(): Promise<void> {
    await this.#open().restartIntoTrial();
  }

  #open(): BootSwitch {
    if (this.#bootSwitch === null) throw new Error('There is no boot loader that could be read');
    return this.#bootSwitch;
  }
}
