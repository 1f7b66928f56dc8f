// A way to make a device start another slot once. The boot loader at hand has a list of them, the best first; which is
// taken is for device-boot-switch.ts to decide.

import type { Slot } from '../../shared/board/slots.ts';

/** What the ways want to know at the next start. It is kept in /perm, where anything may have happened to it. */
export type WayNotes = Readonly<Record<string, unknown>>;

export interface TrialWay {
  /** The name that clients are told (UpdateState.trialStart). */
  readonly name: string;
  /** What it says of the device when it cannot be armed: the beginning of a sentence. */
  readonly refusal: string;
  /** What was armed stays so until it is used: also over a start that came about in another way. */
  readonly outlivesStarts: boolean;
  /** What to say of a trial that left no word when it cannot be known whether it was tried: one sentence. Absent: it can. */
  readonly unheard?: string;
  /** Whether it is worth trying here. */
  isUsable(notes: WayNotes): boolean;
  /** The next start, and only that one, is to be `slot`'s. Throws when that does not work; returns what is to be noted. */
  arm(slot: Slot, notes: WayNotes): Promise<WayNotes>;
  disarm(): Promise<void>;
  /** Does not return on a device. */
  restart(): void;
  /** Called at each start, armed or not, for ways that can fail without a word. */
  recall?(notes: WayNotes): Promise<Recollection>;
}

export interface Recollection {
  /** What is to be noted from now on. */
  notes: WayNotes;
  /** What was armed before this start has been forgotten. */
  isLost: boolean;
}
