// The committed slot: one letter of loader.conf on the boot partition. It is read and written past any file system
// driver, because one sector is all that may be written.

import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { writeFatFileInPlace } from '../../formats/fat/editor.ts';
import { readFatFile } from '../../formats/fat/read-file.ts';
import { LOADER_CONF_PATH, parseLoaderConf } from '../../shared/boot-loader/loader-entry.ts';
import type { Slot } from '../../shared/board/slots.ts';

/** Ours has 60. */
const MAX_CONF_BYTES = 64 * 1024;

export async function readCommittedSlot(boot: ByteSource): Promise<Slot> {
  return parseLoaderConf(await readLoaderConf(boot));
}

/** `dropCaches` has to make what is read afterwards come from the medium. */
export async function writeCommittedSlot(
  boot: ByteDevice,
  slot: Slot,
  dropCaches: () => void,
): Promise<void> {
  const before = await readLoaderConf(boot);
  const after = before.replace(/^(\s*default\s+)[ab](?=\.conf)/m, `$1${slot}`);
  await writeFatFileInPlace(boot, LOADER_CONF_PATH, Buffer.from(after, 'latin1'), { atomic: true });
  dropCaches();
  const found = await readCommittedSlot(boot);
  if (found !== slot) throw new Error(`Cannot commit slot ${slot}: the disk still says ${found}`);
}

async function readLoaderConf(boot: ByteSource): Promise<string> {
  // One character a byte, whatever somebody has written into it.
  return Buffer.from(await readFatFile(boot, LOADER_CONF_PATH, MAX_CONF_BYTES)).toString('latin1');
}
