// What updates need of a boot loader, whichever it is. One of these is made for the device at hand
// (init/update/open-boot-switch.ts); PID 1 uses it, so it must not block for long.

import type { Slot } from '../../shared/board/slots.ts';
import type { BootFirmware } from '../../shared/boot-loader/boot-firmware.ts';
import type { UpdateState } from '../../shared/update/update-state.ts';

/** What is known of the start that was asked for. */
export type StartTrace = 'kept' | 'lost' | { unheard: string } | null;

export interface BootSwitch {
  readonly trialStart: UpdateState['trialStart'];
  /** Why there is no way to start a trial, and what to do; undefined: nothing that is known keeps the device from it. */
  readonly trialProblem?: string | undefined;
  /** undefined: it tells nothing of itself. */
  readonly firmware?: BootFirmware | undefined;
  /** The slot that starts when nothing else was asked for. */
  committed(): Promise<Slot>;
  /** Makes `slot` the one that starts from now on: one sector is written. It is on the medium when this resolves. */
  commit(slot: Slot): Promise<void>;
  /** The next start, and only that one, is to be `slot`'s. Undone by `disarm`, by a power cut, and by the start itself. */
  armTrial(slot: Slot): Promise<void>;
  disarm(): Promise<void>;
  /**
   * What became of `armTrial`, asked at the start after it: `lost` when the firmware has forgotten what it was told, so
   * that the slot was never tried; `kept` when it was tried or at least not forgotten; `unheard` when that cannot be known,
   * with a sentence for the case that nobody has heard of the start; null when nothing was armed.
   */
  takeTrace(): Promise<StartTrace>;
  /** Restarts the device into the trial that was armed. Does not return on a device. */
  restartIntoTrial(): Promise<void>;
}
