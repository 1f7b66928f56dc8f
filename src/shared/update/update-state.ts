// How a device stands between two builds: which slot is what, the trial that goes on, and what came of the
// earlier ones. Init knows it; web passes it on with more. Types; no I/O.

import type { BootFirmware } from '../boot-loader/boot-firmware.ts';
import type { Slot } from '../board/slots.ts';

/** `reboot`: the device starts from the new slot. `live`: only the services that changed do (docs/updates.md). */
export type SwitchMode = 'live' | 'reboot';

/** Who ends a trial that is well: a client that says so, or the device by itself. */
export type ConfirmBy = 'client' | 'device';

export interface TrialRequest {
  slot: Slot;
  buildId: string;
  mode: SwitchMode;
  confirmBy: ConfirmBy;
  /** Name for messages and history: `tsk on michael@laptop`, `the page`. */
  who: string;
  /** Names of apps that a `live` trial restarts, starts or stops, those that are gone among them. */
  changedApps: readonly string[];
  /** Apps that both builds have, and the same. Absent: that is not known. */
  unchangedApps?: readonly string[];
  /** Apps whose health URL did not answer as it should, before the switch. */
  unhealthyApps?: readonly string[];
  /** Newest signing time that the device has confirmed, once it confirms this build. Absent: as it is. */
  newestSignedAtSec?: number;
}

/** What `web` finds out about a trial, because PID 1 reads nothing from the network. Each report replaces the one before. */
export interface TrialCheck {
  /** What was looked at: `page`, or `health of NAME`. */
  name: string;
  /** null: fine; else one phrase: `answers 500`. */
  problem: string | null;
}

export interface ConfirmTrial {
  buildId: string;
  who: string;
}

export interface Trial extends Omit<
  TrialRequest,
  'changedApps' | 'unchangedApps' | 'unhealthyApps' | 'newestSignedAtSec'
> {
  /** Id as in the history. */
  id: string;
  fromBuildId: string;
  startedAtMs: number;
  /** When it is rolled back, unless it is confirmed before. */
  deadlineAtMs: number;
  /** What is not (yet) as it should be, a sentence each; none: healthy, a confirmation is all that is missing. */
  waitsFor: readonly string[];
  /** What is not well, was not well before, and is not the update's doing, a sentence each; absent: nothing. */
  stillUnwell?: readonly string[];
}

export type UpdateOutcome =
  | 'confirmed'
  | 'rolled back'
  /** The device came up in the old slot, and the new one has left no trace of a start. */
  | 'did not start';

export interface UpdateRecord {
  id: string;
  startedAtMs: number;
  endedAtMs: number;
  fromBuildId: string;
  toBuildId: string;
  toSlot: Slot;
  mode: SwitchMode;
  who: string;
  outcome: UpdateOutcome;
  /** One sentence, of whatever was not `confirmed`: `app sensor exited with code 1 three times in 30 s`. */
  reason: string | null;
  /** Last lines, and whose they are: a service, `init` or `kernel`. */
  lastLines: { of: string; lines: readonly string[] } | null;
  /** Apps as at the end of the trial (Trial.stillUnwell). */
  stillUnwell?: readonly string[];
  /** The start on trial, as the kept logs know it (BootRecord.id); null when there was none. */
  bootId: string | null;
}

export interface UpdateState {
  /** Slot whose root is `/`; null: the kernel command line named no slot. */
  running: Slot | null;
  /** What the boot loader starts; null: it cannot be read, and updates are refused. */
  committed: Slot | null;
  /** Other than `running` after a live switch: whose apps run. */
  appsFrom: Slot | null;
  /** The way in which the next trial will start (docs/boot.md), of which newer devices may have more; null: there is none. */
  trialStart: string | null;
  /** Why there is none, and what to do, in sentences without an end; absent: nothing more is known. Updates are refused. */
  trialProblem?: string;
  /** Absent: it tells nothing of itself. */
  bootFirmware?: BootFirmware;
  trial: Trial | null;
  /** Newest first; kept in /perm, at most MAX_UPDATE_RECORDS. */
  history: readonly UpdateRecord[];
  /**
   * Newest signing time that the device has confirmed, as far as /perm knows; absent: it does not. An image that is older
   * is refused.
   */
  newestSignedAtSec?: number;
  /** Whether it is not known yet what came of the last trial; the device may be about to start that once more. */
  isStarting?: true;
}

/**
 * The state as short as can be, for whoever asks again and again: of the history only the newest, and that without
 * its lines.
 */
export interface UpdateBrief extends Omit<UpdateState, 'history'> {
  last: Omit<UpdateRecord, 'lastLines'> | null;
}

export function briefOf({ history: [newest], ...state }: UpdateState): UpdateBrief {
  if (newest === undefined) return { ...state, last: null };
  const { lastLines: _lines, ...last } = newest;
  return { ...state, last };
}

export const MAX_UPDATE_RECORDS = 20;
/** Time from the trial's start to its roll-back. */
export const TRIAL_LIMIT_MS = 5 * 60 * 1000;
/** How long all services must have run without a crash. */
export const TRIAL_STABLE_MS = 30 * 1000;
