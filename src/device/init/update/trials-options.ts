// What the supervision of updates is given: the parts of it that tests replace, and its ways to act on the device.

import type { Slot } from '../../../shared/board/slots.ts';
import type { TrialRequest } from '../../../shared/update/update-state.ts';
import type { BootSwitch } from '../../boot-loader/boot-switch.ts';
import type { Device } from '../device/device.ts';
import type { TrialClock } from './trial-clock.ts';

/** Apps from the other slot, without a restart (live-switch.ts). */
export interface AppSwitch {
  /** Whose apps run, when it is not that of the running root; null otherwise. */
  readonly slot: Slot | null;
  start(request: Pick<TrialRequest, 'slot' | 'buildId' | 'changedApps'>): Promise<void>;
  undo(): Promise<void>;
  /** There is no way back any more. */
  keep(): void;
}

export interface TrialsOptions {
  device: Device;
  openBootSwitch: () => Promise<BootSwitch>;
  openAppSwitch: () => Promise<AppSwitch>;
  clock: TrialClock;
  isShuttingDown: () => boolean;
  /** Takes the device down in good order; `powerOff`, instead of a plain restart, is the last thing that is done. */
  restart: (why: string, powerOff?: () => Promise<void>) => void;
}
