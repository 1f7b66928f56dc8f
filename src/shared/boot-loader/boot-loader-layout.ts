// What a boot loader needs on the boot partition, for host and device to agree on. Each boot loader has one description
// of this kind: the host makes disks by it, the device commits and renews by it, and the power-cut rig knows by it what
// an update may write. Paths are on the boot partition unless something else is said; no I/O.

import type { Slot } from '../board/slots.ts';

/** The kernel's file: in the directory of each slot, and in the component. */
export const KERNEL_FILE = 'vmlinuz';

/** Components of which a boot partition has files. */
type BootComponent = 'kernel' | 'boot-loader' | 'firmware';

/** A file that a component brings. */
export interface BroughtFile {
  component: BootComponent;
  /** Path in the component. */
  from: string;
  path: string;
  /** For whom the file is, where a component without it may be told what is the matter. */
  neededBy?: string;
  /** Of a shared file: where each slot has the one that belongs to it, relative to its directory. */
  inSlot?: string;
  /** Whether the component may be without the file. */
  isOptional?: boolean;
}

/** A directory of a component, with all that lies in it. */
export interface BroughtDirectory {
  component: BootComponent;
  /** Path in the component, without a slash at its end. */
  from: string;
  path: string;
  /** Files that have to be in it, by their paths in the component, and for whom they are. */
  needed?: readonly { path: string; neededBy: string }[];
}

/** A file whose text the build writes. */
interface WrittenFile {
  path: string;
  text: string;
}

/** What the instance says about the start of its device. */
export interface BootSettings {
  /** Lines of the instance for the boot loader. */
  bootloaderLines: readonly string[];
}

/** Says which slot starts. A commit is nothing but a change of this file. */
interface CommitFile {
  path: string;
  /**
   * Where a commit has the text from: from what the disk has there already, with the text of a new disk by `format`, or
   * from a file in the directory of the slot that is committed, so that settings are on trial with their build.
   */
  text: { of: 'disk'; format(slot: Slot): string } | { of: 'slot'; name: string };
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

export interface LinesProblem {
  /** Index of the line; null: all together. */
  line: number | null;
  /** End of a sentence that begins with the line, or with the lines. */
  problem: string;
}

export interface BootLoaderLayout {
  /**
   * Written when a disk is made, and needed by both slots. Those that slots have, too, are replaced all at once by the slot's
   * that is committed, after its trial.
   */
  sharedFiles: readonly BroughtFile[];
  /** Files of each slot; paths are in the slot's directory. The manifest names them. */
  slotFiles: readonly BroughtFile[];
  slotDirectories: readonly BroughtDirectory[];
  /** Files of each slot as well. */
  writtenSlotFiles(settings: BootSettings): readonly WrittenFile[];
  /** What keeps these lines from being settings of the boot loader; undefined: nothing. */
  linesProblem(lines: readonly string[]): LinesProblem | undefined;
  commit: CommitFile;
  /** As the commit file, but for a start on trial; null where those are asked for in another way. */
  trialPath: string | null;
  /** So long the boot loader waits for a kernel to come up, and resets the board then; null: for ever. */
  kernelWatchdogSec: number | null;
  ownFile(slot: Slot): OwnFile;
}

/** Text of the commit file on a new disk, from which this slot starts. */
export function newCommitText(layout: BootLoaderLayout, slot: Slot, settings: BootSettings): string {
  const { commit } = layout;
  const { text } = commit;
  if (text.of === 'disk') return text.format(slot);
  const ofSlot = layout.writtenSlotFiles(settings).find(({ path }) => path === text.name);
  if (ofSlot === undefined) throw new Error(`No slot has a file "${text.name}" to commit`);
  return commit.change(ofSlot.text, slot);
}

/** What a boot partition needs of the component; paths are in the component. */
export function filesFrom(layout: BootLoaderLayout, component: string): string[] {
  return broughtBy(layout, component)
    .filter((file) => file.isOptional !== true)
    .map(({ from }) => from);
}

/** Shared files of which each slot has its own: path in the root, and in the slot's directory. */
export function renewedFiles(layout: BootLoaderLayout): { path: string; inSlot: string }[] {
  return layout.sharedFiles.flatMap(({ path, inSlot }) => (inSlot === undefined ? [] : [{ path, inSlot }]));
}

/** Whether the boot partition has the file of the component. */
export function takesFrom(layout: BootLoaderLayout, component: string, path: string): boolean {
  const isInside = (directory: BroughtDirectory): boolean =>
    directory.component === component && path.startsWith(`${directory.from}/`);
  return (
    broughtBy(layout, component).some((file) => file.from === path) || layout.slotDirectories.some(isInside)
  );
}

/** What a component is without, as the end of a sentence: of all that a boot partition needs of it. */
export function describeMissing(
  layout: BootLoaderLayout,
  component: string,
  paths: readonly string[],
): string | undefined {
  const needed = broughtBy(layout, component)
    .filter((file) => file.isOptional !== true)
    .map(({ from, neededBy }) => ({ path: from, neededBy }));
  const file = needed.find(({ path }) => !paths.includes(path));
  if (file !== undefined) return describeNeeded(file);
  for (const { from, needed: neededIn = [] } of directoriesFrom(layout, component)) {
    if (!paths.some((path) => path.startsWith(`${from}/`))) return `has nothing in "${from}/"`;
    const inside = neededIn.find(({ path }) => !paths.includes(path));
    if (inside !== undefined) return describeNeeded(inside);
  }
  return undefined;
}

function describeNeeded({ path, neededBy }: { path: string; neededBy: string | undefined }): string {
  return neededBy === undefined ? `has no "${path}"` : `has no "${path}", which ${neededBy} needs`;
}

function directoriesFrom(layout: BootLoaderLayout, component: string): readonly BroughtDirectory[] {
  return layout.slotDirectories.filter((directory) => directory.component === component);
}

function broughtBy(layout: BootLoaderLayout, component: string): BroughtFile[] {
  return [...layout.sharedFiles, ...layout.slotFiles].filter((file) => file.component === component);
}
