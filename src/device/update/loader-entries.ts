// The slots' entries for systemd-boot, read and renewed on the device's own boot partition.

import { isDeepStrictEqual } from 'node:util';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { writeFatFileInPlace } from '../../formats/fat/editor.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { formatCmdline, parseCmdline } from '../../shared/cmdline.ts';
import {
  formatLoaderEntry,
  type LoaderEntry,
  loaderEntryPath,
  parseLoaderEntry,
} from '../../shared/loader-entry.ts';
import type { Slot } from '../../shared/slots.ts';

export async function readLoaderEntry(boot: ByteSource, slot: Slot): Promise<LoaderEntry> {
  return parseLoaderEntry(await readText(boot, loaderEntryPath(slot)));
}

/**
 * Makes the slot's kernel start with `kernelArgs`, from the root partition that its entry names anyway. Writes only
 * what differs, in place; returns whether anything did. Throws RangeError when there is no room for so many.
 */
export async function renewLoaderEntry(
  boot: ByteDevice,
  slot: Slot,
  kernelArgs: readonly string[],
): Promise<boolean> {
  const path = loaderEntryPath(slot);
  const before = await readText(boot, path);
  const rootPartitionGuid = rootGuidOf(parseLoaderEntry(before), path);
  const cmdline = formatCmdline({ rootPartitionGuid, slot, kernelArgs });
  // A disk that an older tskrazy has made may have less room.
  const bytes = Buffer.from(formatLoaderEntry(slot, cmdline, Buffer.byteLength(before)));
  return (await writeFatFileInPlace(boot, path, bytes)) > 0;
}

/** Whether the slot starts its own kernel with exactly these arguments. */
export async function isLoaderEntryOf(
  boot: ByteSource,
  slot: Slot,
  kernelArgs: readonly string[],
): Promise<boolean> {
  const entry = await readLoaderEntry(boot, slot);
  const rootPartitionGuid = rootGuidOf(entry, loaderEntryPath(slot));
  const expected = formatLoaderEntry(slot, formatCmdline({ rootPartitionGuid, slot, kernelArgs }));
  return isDeepStrictEqual(entry, parseLoaderEntry(expected));
}

function rootGuidOf({ options }: LoaderEntry, path: string): string {
  const guid = /^PARTUUID=(.+)$/i.exec(parseCmdline(options).get('root') ?? '')?.[1];
  if (guid !== undefined) return guid;
  throw new SyntaxError(`"${path}" names no root partition by its PARTUUID`);
}

async function readText(boot: ByteSource, path: string): Promise<string> {
  const volume = await openFat(boot);
  return Buffer.from(await volume.readFile(path)).toString();
}
