// wifi.json in the root of the boot partition: networks with their passphrases, written by `tsk flash` or by hand on any
// computer. It is read once; then its bytes are overwritten where they lie, so that the card does not tell them to who finds it.

import { readFatFile } from '../../../formats/fat/read-file.ts';
import { FatPathError } from '../../../formats/fat/tree.ts';
import { writeFatFileInPlace } from '../../../formats/fat/write-in-place.ts';
import { BOOT_PARTITION } from '../../../shared/board/disk-layout.ts';
import { WIFI_CARD_FILE } from '../../../shared/network/wifi.ts';
import { MAX_WIFI_FILE_BYTES, parseWifiFile, type WifiFile } from '../../../shared/network/wifi-file.ts';
import { type DiskPartition, locateRootDisk, openPartition, partitionOf } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';

/** In place of what was taken, where it has room. Blanks follow, or are all. */
const TAKEN = '{ "taken": "by the device; write country and networks here anew to change them" }';

export type CardFile =
  | { state: 'absent' | 'taken' }
  /** `problem`: the end of a sentence that begins with the file. */
  | { state: 'bad'; problem: string }
  | { state: 'new'; wifi: WifiFile; sizeBytes: number };

/** Throws what the medium reports, and SyntaxError when the volume is damaged. */
export async function readCardFile(sys: Sys): Promise<CardFile> {
  using boot = openPartition(sys, bootPartition(sys), 'r');
  let bytes: Uint8Array;
  try {
    bytes = await readFatFile(boot, WIFI_CARD_FILE, MAX_WIFI_FILE_BYTES);
  } catch (error) {
    if (error instanceof FatPathError && error.code === 'ENOENT') return { state: 'absent' };
    if (error instanceof FatPathError) return { state: 'bad', problem: 'is a directory' };
    if (error instanceof RangeError)
      return { state: 'bad', problem: `is larger than the ${MAX_WIFI_FILE_BYTES} bytes that are allowed` };
    throw error;
  }
  const text = Buffer.from(bytes).toString('latin1').trim();
  if (text === '' || text === TAKEN) return { state: 'taken' };
  try {
    return { state: 'new', wifi: parseWifiFile(bytes), sizeBytes: bytes.length };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { state: 'bad', problem: error.message };
  }
}

/** Throws when the medium cannot be written. */
export async function blankCardFile(sys: Sys, sizeBytes: number): Promise<void> {
  using boot = openPartition(sys, bootPartition(sys), 'r+');
  const text = TAKEN.length <= sizeBytes ? TAKEN : '';
  await writeFatFileInPlace(boot, WIFI_CARD_FILE, Buffer.from(text.padEnd(sizeBytes), 'latin1'));
}

function bootPartition(sys: Sys): DiskPartition {
  return partitionOf(locateRootDisk(sys), BOOT_PARTITION);
}
