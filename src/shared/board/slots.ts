// A slot is a boot directory on p1 and a root partition that belong together.

export const SLOTS = ['a', 'b'] as const;
export type Slot = (typeof SLOTS)[number];

/** What a new disk holds and starts. */
export const FIRST_SLOT: Slot = 'a';

/** GPT entry number (from 1) of each slot's root partition. */
export const SLOT_PARTITION: Readonly<Record<Slot, number>> = { a: 2, b: 3 };

export function isSlot(text: string): text is Slot {
  return (SLOTS as readonly string[]).includes(text);
}

export function otherSlot(slot: Slot): Slot {
  return slot === 'a' ? 'b' : 'a';
}
