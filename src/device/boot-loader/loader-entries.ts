// The slots' entries for systemd-boot, read and renewed on the device's own boot partition.

import { isDeepStrictEqual } from 'node:util';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { writeFatFileInPlace } from '../../formats/fat/editor.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { type CmdlineOptions, formatCmdline } from '../../shared/board/cmdline.ts';
import {
  formatLoaderEntry,
  type LoaderEntry,
  loaderEntryPath,
  parseLoaderEntry,
} from '../../shared/boot-loader/loader-entry.ts';
import type { Slot } from '../../shared/board/slots.ts';

export async function readLoaderEntry(boot: ByteSource, slot: Slot): Promise<LoaderEntry> {
  const bytes = await (await openFat(boot)).readFile(loaderEntryPath(slot));
  return parseLoaderEntry(Buffer.from(bytes).toString());
}

/**
 * Makes the slot's kernel start with this command line, whatever the entry says now. Writes only what differs, in place;
 * returns whether anything did. Throws RangeError when there is no room for it.
 */
export async function renewLoaderEntry(boot: ByteDevice, cmdline: CmdlineOptions): Promise<boolean> {
  const { slot } = cmdline;
  const path = loaderEntryPath(slot);
  // A disk that an older tskrazy has made may have less room.
  const { length: sizeBytes } = await (await openFat(boot)).readFile(path);
  const bytes = Buffer.from(formatLoaderEntry(slot, formatCmdline(cmdline), sizeBytes));
  return (await writeFatFileInPlace(boot, path, bytes)) > 0;
}

/** Whether the slot starts its own kernel with exactly this command line. */
export async function isLoaderEntryOf(boot: ByteSource, cmdline: CmdlineOptions): Promise<boolean> {
  const { slot } = cmdline;
  const expected = formatLoaderEntry(slot, formatCmdline(cmdline));
  return isDeepStrictEqual(await readLoaderEntry(boot, slot), parseLoaderEntry(expected));
}
