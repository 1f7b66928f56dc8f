// What the slots hold, by the manifests in their boot directories. An update takes the manifest
// away first and puts it back last (slot-directory.ts); whether the rest is what it says is for verify-slot.ts to see.

import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';
import { type Manifest, MANIFEST_NAME, MAX_MANIFEST_BYTES } from '../../shared/manifest/manifest.ts';
import {
  formatSignatures,
  type ManifestSignatures,
  MAX_SIGNATURES_BYTES,
  SIGNATURES_NAME,
  SignatureError,
  parseSignatures,
} from '../../shared/manifest/manifest-signature.ts';
import { type Slot, SLOTS } from '../../shared/board/slots.ts';
import type { SlotContent } from '../../shared/update/update-api.ts';
import type { UpdateState } from '../../shared/update/update-state.ts';
import { sha256Of } from './content-hash.ts';
import { parseStoredManifest, readSlotFile, SlotDirectory } from './slot-directory.ts';

export type SigningTimes = Pick<SlotContent, 'signedAtSec' | 'newestConfirmedSec'>;

export interface StoredSlot extends SigningTimes {
  manifest: Manifest;
  manifestSha256: string;
}

/** null: there is nothing that could be started. */
export async function readSlot(boot: ByteSource, slot: Slot): Promise<StoredSlot | null> {
  const stored = await readRunningSlot(boot, slot);
  return stored?.signedAtSec === null ? null : stored;
}

/** Nobody asks of a slot that runs whether it is whole: it may be older than signatures are. */
export async function readRunningSlot(boot: ByteSource, slot: Slot): Promise<StoredSlot | null> {
  const bytes = await readSlotFile(boot, slot, MANIFEST_NAME, MAX_MANIFEST_BYTES);
  const manifest = bytes && parseStoredManifest(bytes);
  if (!manifest) return null;
  const manifestSha256 = sha256Of(bytes);
  const signed = await readSignatures(boot, slot);
  if (signed === null) return { manifest, manifestSha256, signedAtSec: null };
  return { manifest, manifestSha256, ...signingTimes(signed) };
}

/** The bytes of the manifest with this hash, of whichever slot has it. */
export async function findSlotManifest(boot: ByteSource, sha256: string): Promise<Uint8Array | undefined> {
  for (const slot of SLOTS) {
    const bytes = await readSlotFile(boot, slot, MANIFEST_NAME, MAX_MANIFEST_BYTES);
    if (bytes !== undefined && sha256Of(bytes) === sha256) return bytes;
  }
  return undefined;
}

function signingTimes({ signedAtSec, newestConfirmedSec }: ManifestSignatures): SigningTimes {
  return { signedAtSec, ...(newestConfirmedSec !== undefined && { newestConfirmedSec }) };
}

/**
 * Newest signing time that this device has confirmed, by what /perm remembers and by the slot that starts: either may be
 * all that is left. null: none that is known.
 */
export function newestConfirmed(
  { newestSignedAtSec }: Pick<UpdateState, 'newestSignedAtSec'>,
  committed: SigningTimes | null,
): number | null {
  const known = [newestSignedAtSec, committed?.signedAtSec, committed?.newestConfirmedSec];
  const times = known.filter((sec) => typeof sec === 'number');
  return times.length === 0 ? null : Math.max(...times);
}

/** Notes in a slot that it is gone back to, and from what. A cut leaves the file as it was or as it is to be. */
export async function noteNewestConfirmed(boot: ByteDevice, slot: Slot, newestSec: number): Promise<void> {
  const stored = await readRunningSlot(boot, slot);
  const signed = await readSignatures(boot, slot);
  if (stored === null || signed === null || (newestConfirmed({}, stored) ?? 0) >= newestSec) return;
  const bytes = formatSignatures({ ...signed, newestConfirmedSec: newestSec });
  // The loader has nothing of its own that this would touch.
  const directory = new SlotDirectory(boot, slot, [], stored.manifest.buildTimeSec);
  await directory.replace(SIGNATURES_NAME, bytes);
}

export function describeSlot({ manifest, ...times }: StoredSlot): SlotContent {
  const { buildId, hostname, tskrazyVersion, buildTimeSec, components, apps } = manifest;
  return { buildId, hostname, tskrazyVersion, buildTimeSec, ...times, components, apps };
}

async function readSignatures(boot: ByteSource, slot: Slot): Promise<ManifestSignatures | null> {
  const bytes = await readSlotFile(boot, slot, SIGNATURES_NAME, MAX_SIGNATURES_BYTES);
  if (bytes === undefined) return null;
  try {
    return parseSignatures(bytes);
  } catch (error) {
    if (error instanceof SignatureError) return null;
    throw error;
  }
}
