// Reads a whole slot from the medium before it is started again: whether somebody who is trusted has signed it, and it
// is what its manifest says. It may have been written to since it was installed, or have rotted, and it may have been
// installed by an image that trusted others.

import type { ByteSource } from '../../formats/byte-source.ts';
import { FatPathError } from '../../formats/fat/tree.ts';
import { type Manifest, MANIFEST_NAME, MAX_MANIFEST_BYTES } from '../../shared/manifest/manifest.ts';
import {
  MAX_SIGNATURES_BYTES,
  SIGNATURES_NAME,
  SignatureError,
  type TrustedKey,
  verifyManifest,
} from '../../shared/manifest/manifest-signature.ts';
import { parseManifest } from '../../shared/manifest/parse-manifest.ts';
import type { Slot } from '../../shared/board/slots.ts';
import { sha256OfSource } from './content-hash.ts';
import { LoaderFiles } from '../boot-loader/loader-files.ts';
import { openSlotFiles, readSlotFile } from './slot-directory.ts';
import type { UpdateDisk } from './update-disk.ts';

import { UpdateConflict } from './update-refusal.ts';

/** Throws UpdateConflict when the slot is not one that may be started. */
export async function verifySlot(
  disk: UpdateDisk,
  slot: Slot,
  trustedKeys: readonly TrustedKey[],
  signal: AbortSignal,
): Promise<Manifest> {
  await disk.dropCaches();
  const manifest = await readTrustedManifest(disk, slot, trustedKeys);
  if (!(await startsAsItShould(disk, slot, manifest)))
    throw notStartable(slot, 'the boot loader would start it in another way than its image says');
  const paths = manifest.bootFiles.map(({ path }) => path);
  const files = await openSlotFiles(disk.boot, slot, paths);
  for (const { path, sizeBytes, sha256 } of manifest.bootFiles) {
    const file = files.get(path);
    if (file?.sizeBytes !== sizeBytes || (await sha256OfSource(file, { signal })) !== sha256)
      throw notStartable(slot, `"${path}" is not as it was installed`);
  }
  const root = slot === disk.source ? disk.sourceRoot : disk.targetRoot;
  const { sizeBytes: lengthBytes, sha256 } = manifest.root;
  if (lengthBytes > root.sizeBytes || (await sha256OfSource(root, { lengthBytes, signal })) !== sha256)
    throw notStartable(slot, 'its root image is not as it was installed');
  return manifest;
}

/** What is damaged, gone or larger than anything of ours starts nothing. */
async function startsAsItShould(disk: UpdateDisk, slot: Slot, { kernelArgs }: Manifest): Promise<boolean> {
  const rootPartitionGuid = await disk.rootGuid(slot);
  try {
    const loader = new LoaderFiles(disk.layout, disk.boot);
    return await loader.startsWith({ rootPartitionGuid, slot, kernelArgs });
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError || error instanceof FatPathError)
      return false;
    throw error;
  }
}

/**
 * Whether the image that runs would take the next one from whoever signed it. One that would not, for want of their
 * keys, could only be replaced by hand.
 */
export async function trustsItsSigners(
  { boot, source }: UpdateDisk,
  trustedKeys: readonly TrustedKey[],
): Promise<boolean> {
  const { manifest, signatures } = await readSigned(boot, source);
  try {
    if (manifest !== undefined) verifyManifest(manifest, signatures, trustedKeys, 0);
    return true;
  } catch (error) {
    if (error instanceof SignatureError) return false;
    throw error;
  }
}

async function readSigned(
  boot: ByteSource,
  slot: Slot,
): Promise<{ manifest: Uint8Array | undefined; signatures: Uint8Array }> {
  const manifest = await readSlotFile(boot, slot, MANIFEST_NAME, MAX_MANIFEST_BYTES);
  const signatures = await readSlotFile(boot, slot, SIGNATURES_NAME, MAX_SIGNATURES_BYTES);
  return { manifest, signatures: signatures ?? new Uint8Array() };
}

async function readTrustedManifest(
  { boot, source }: UpdateDisk,
  slot: Slot,
  trustedKeys: readonly TrustedKey[],
): Promise<Manifest> {
  const { manifest, signatures } = await readSigned(boot, slot);
  if (manifest === undefined) throw notStartable(slot, 'it holds nothing that could be started');
  try {
    // What runs needs nobody to vouch for it. A key that has expired since it was installed is as good as it was then.
    if (slot !== source) verifyManifest(manifest, signatures, trustedKeys, 0);
    return parseManifest(manifest);
  } catch (error) {
    if (!(error instanceof SignatureError || error instanceof SyntaxError)) throw error;
    throw notStartable(slot, error.message);
  }
}

function notStartable(slot: Slot, problem: string): UpdateConflict {
  return new UpdateConflict('slot-unusable', `Slot ${slot} cannot be started: ${problem}`);
}
