// The files by which the boot loader knows what to start, on the open boot partition, as their description
// (shared/boot-loader/) has them. Nothing of that is particular to one boot loader. They are read and written past any file
// system driver, because a commit may write one sector and no more.

import { isDeepStrictEqual } from 'node:util';
import type { ByteDevice } from '../../formats/byte-source.ts';
import { readFatFile } from '../../formats/fat/read-file.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { writeFatFileInPlace } from '../../formats/fat/write-in-place.ts';
import { type CmdlineOptions, formatCmdline } from '../../shared/board/cmdline.ts';
import type { Slot } from '../../shared/board/slots.ts';
import type { BootLoaderLayout, OwnFile, SlotStart } from '../../shared/boot-loader/boot-loader-layout.ts';

/** Files that we write are far smaller. */
const MAX_FILE_BYTES = 64 * 1024;

export class LoaderFiles {
  readonly #layout: BootLoaderLayout;
  readonly #boot: ByteDevice;

  constructor(layout: BootLoaderLayout, boot: ByteDevice) {
    this.#layout = layout;
    this.#boot = boot;
  }

  /** The slot that starts when nothing else was asked for. */
  async committed(): Promise<Slot> {
    const { commit } = this.#layout;
    return commit.parse(await this.#read(commit.path));
  }

  /** Writes one sector. `dropCaches` has to make what is read afterwards come from the medium. */
  async commit(slot: Slot, dropCaches: () => void): Promise<void> {
    const found = await this.#name(slot, this.#layout.commit.path, dropCaches);
    if (found !== slot) throw new Error(`Cannot commit slot ${slot}: the disk still says ${found}`);
  }

  /** Writes one sector, by which a start on trial is the slot's; for boot loaders that have a file for that. */
  async writeTrial(slot: Slot, dropCaches: () => void): Promise<void> {
    const found = await this.#name(slot, this.#trialPath(), dropCaches);
    if (found !== slot)
      throw new Error(`Cannot ask for a trial of slot ${slot}: the disk still says ${found}`);
  }

  /**
   * Without a trial that was asked for, a start on trial is to be the committed slot's, as on a new disk: anybody may make
   * the firmware do one. Writes nothing where that is so.
   */
  async withdrawTrial(dropCaches: () => void): Promise<void> {
    const path = this.#trialPath();
    const slot = await this.committed();
    if ((await this.#read(path)) !== (await this.#textFor(slot, path)))
      await this.writeTrial(slot, dropCaches);
  }

  #trialPath(): string {
    const { trialPath } = this.#layout;
    if (trialPath === null) throw new Error('This boot loader has no file for trials');
    return trialPath;
  }

  /** Makes the file name the slot; returns which one it names on the medium. */
  async #name(slot: Slot, path: string, dropCaches: () => void): Promise<Slot> {
    const after = await this.#textFor(slot, path);
    await writeFatFileInPlace(this.#boot, path, encode(after), { atomic: true });
    dropCaches();
    return this.#layout.commit.parse(await this.#read(path));
  }

  /** What the file is to hold for the slot. */
  async #textFor(slot: Slot, path: string): Promise<string> {
    const { commit } = this.#layout;
    const { text } = commit;
    const from = text.of === 'disk' ? path : `${slot}/${text.name}`;
    return commit.change(await this.#read(from), slot);
  }

  /** What is made for the slot on the device, so that no manifest names it; with the size on a new disk. */
  ownFiles(slot: Slot): readonly Pick<OwnFile, 'path' | 'sizeBytes'>[] {
    return [this.#layout.ownFile(slot)];
  }

  /** The slot's own file as a new disk has it, for where it is missing. */
  newOwnFile(cmdline: CmdlineOptions): { path: string; bytes: Uint8Array } {
    const own = this.#layout.ownFile(cmdline.slot);
    return { path: own.path, bytes: encode(own.format(formatCmdline(cmdline), own.sizeBytes)) };
  }

  /**
   * Makes the slot's kernel start with this command line, whatever the slot's own file says now. Writes only what differs,
   * in place; returns whether anything did. Throws RangeError when there is no room for it.
   */
  async renew(cmdline: CmdlineOptions): Promise<boolean> {
    const own = this.#layout.ownFile(cmdline.slot);
    const { sizeBytes } = await (await openFat(this.#boot)).openFile(own.path);
    const bytes = encode(own.format(formatCmdline(cmdline), sizeBytes));
    return (await writeFatFileInPlace(this.#boot, own.path, bytes)) > 0;
  }

  /** What the boot loader does when it starts the slot. Throws SyntaxError or FatPathError when it does nothing. */
  async startOf(slot: Slot): Promise<SlotStart> {
    const own = this.#layout.ownFile(slot);
    return own.parse(await this.#read(own.path));
  }

  /** Whether the slot starts its own kernel with exactly this command line. */
  async startsWith(cmdline: CmdlineOptions): Promise<boolean> {
    const { slot } = cmdline;
    const own = this.#layout.ownFile(slot);
    const expected = own.parse(own.format(formatCmdline(cmdline), own.sizeBytes));
    return isDeepStrictEqual(await this.startOf(slot), expected);
  }

  async #read(path: string): Promise<string> {
    return Buffer.from(await readFatFile(this.#boot, path, MAX_FILE_BYTES)).toString('latin1');
  }
}

/** One character a byte, whatever somebody has written into a file. */
function encode(text: string): Uint8Array {
  return Buffer.from(text, 'latin1');
}
