// Reads a whole slot from the medium and compares it with its manifest: before a roll-back, because the slot may have
// been written to since it was installed, or have rotted.

import { SLOT_PARAMETER, parseCmdline } from '../../shared/cmdline.ts';
import type { Manifest } from '../../shared/manifest.ts';
import type { Slot } from '../../shared/slots.ts';
import { sha256OfSource } from './content-hash.ts';
import { readLoaderEntry } from './loader-entries.ts';
import { openSlotFiles } from './slot-directory.ts';
import type { UpdateDisk } from './slot-installer.ts';
import { UpdateConflict } from './update-refusal.ts';

/** Throws UpdateConflict when the slot is not what its manifest says. */
export async function verifySlot(
  disk: UpdateDisk,
  slot: Slot,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<void> {
  await disk.dropCaches();
  await checkLoaderEntry(disk, slot, manifest);
  const paths = manifest.bootFiles.map(({ path }) => path);
  const files = await openSlotFiles(disk.boot, slot, paths);
  for (const { path, sizeBytes, sha256 } of manifest.bootFiles) {
    const file = files.get(path);
    if (file?.sizeBytes !== sizeBytes || (await sha256OfSource(file, { signal })) !== sha256)
      throw isNotWhole(slot, `"${path}" is not as it was installed`);
  }
  const root = slot === disk.source ? disk.sourceRoot : disk.targetRoot;
  const { sizeBytes: lengthBytes, sha256 } = manifest.root;
  if (lengthBytes > root.sizeBytes || (await sha256OfSource(root, { lengthBytes, signal })) !== sha256)
    throw isNotWhole(slot, 'its root image is not as it was installed');
}

async function checkLoaderEntry(disk: UpdateDisk, slot: Slot, { kernelArgs }: Manifest): Promise<void> {
  const { options } = await readLoaderEntry(disk.boot, slot);
  const words = options.split(/\s+/);
  const start = words.length - kernelArgs.length;
  const isSame = kernelArgs.every((word, index) => words[start + index] === word);
  if (!isSame || parseCmdline(options).get(SLOT_PARAMETER) !== slot)
    throw isNotWhole(slot, 'its entry in the boot menu is not that of its image');
}

function isNotWhole(slot: Slot, problem: string): UpdateConflict {
  return new UpdateConflict(`Slot ${slot} cannot be started: ${problem}`);
}
