// What a boot loader needs on the boot partition, for host and device to agree on. Each boot loader has one description
// of this kind: the host makes disks by it, the device commits and renews by it, and the power-cut rig knows by it what
// an update may write. Paths are on the boot partition unless something else is said; no I/O.

import type { Slot } from '../board/slots.ts';

/** The kernel's file: in the directory of each slot, and in the component. */
export const KERNEL_FILE = 'vmlinuz';

/** Components of which a boot partition has files. */
export type BootComponent = 'kernel' | 'boot-loader';

/** A file that a component brings. */
export interface BroughtFile {
  component: BootComponent;
  /** Path in the component. */
  from: string;
  path: string;
}

/** Says which slot starts. A commit is nothing but a change of this file. */
export interface CommitFile {
  path: string;
  /** Text as a new disk has it. */
  format(slot: Slot): string;
  /** Throws SyntaxError when no slot is named. */
  parse(text: string): Slot;
  /** The same text with this slot in it: as long as before, and in one sector at most different. */
  change(text: string, slot: Slot): string;
}

export interface SlotStart {
  /** The kernel's file. */
  kernelPath: string;
  cmdline: string;
}

/**
 * Tells the boot loader how a slot starts. Made for the slot where the slot's partition is known: by the host for a
 * new disk, by the device at each update; so the manifest does not name it. Overwritten in place.
 */
export interface OwnFile {
  path: string;
  /** Size on a new disk. A disk that an older tskrazy has made may give the file less room. */
  sizeBytes: number;
  /** Throws RangeError when `cmdline` does not fit. */
  format(cmdline: string, sizeBytes: number): string;
  /** Throws SyntaxError for what starts nothing. */
  parse(text: string): SlotStart;
}

export interface BootLoaderLayout {
  /** Written when a disk is made, and needed by both slots. */
  sharedFiles: readonly BroughtFile[];
  /** Files of each slot; paths are in the slot's directory. The manifest names them. */
  slotFiles: readonly BroughtFile[];
  commit: CommitFile;
  ownFile(slot: Slot): OwnFile;
}

/** What a boot partition needs of the component; paths are in the component. */
export function filesFrom(layout: BootLoaderLayout, component: string): string[] {
  return [...layout.sharedFiles, ...layout.slotFiles]
    .filter((file) => file.component === component)
    .map(({ from }) => from);
}
