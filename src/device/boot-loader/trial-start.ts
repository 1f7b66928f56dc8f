// How a device is made to start another slot once. There are two ways; open-boot-switch.ts chooses.

import type { Slot } from '../../shared/board/slots.ts';

export interface TrialStart {
  /** Throws when it does not work here; nothing is armed then. */
  arm(slot: Slot): Promise<void>;
  disarm(): Promise<void>;
  /** Does not return on a device. */
  restart(): void;
}
