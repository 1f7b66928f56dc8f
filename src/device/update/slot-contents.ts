// What the slots hold, by the manifests in their boot directories. An update takes the manifest
// away first and puts it back last (slot-directory.ts); whether the rest is what it says is for verify-slot.ts to see.

import type { ByteSource } from '../../formats/byte-source.ts';
import type { Manifest } from '../../shared/manifest/manifest.ts';
import {
  MAX_SIGNATURES_BYTES,
  SIGNATURES_NAME,
  SignatureError,
  parseSignatures,
} from '../../shared/manifest/manifest-signature.ts';
import type { Slot } from '../../shared/board/slots.ts';
import type { SlotContent } from '../../shared/update/update-api.ts';
import { readSlotFile, readSlotManifest } from './slot-directory.ts';

export interface StoredSlot {
  manifest: Manifest;
  /** null: not signed. */
  signedAtSec: number | null;
}

/** null: there is nothing that could be started. */
export async function readSlot(boot: ByteSource, slot: Slot): Promise<StoredSlot | null> {
  const stored = await readRunningSlot(boot, slot);
  return stored?.signedAtSec === null ? null : stored;
}

/** Nobody asks of a slot that runs whether it is whole: it may be older than signatures are. */
export async function readRunningSlot(boot: ByteSource, slot: Slot): Promise<StoredSlot | null> {
  const manifest = await readSlotManifest(boot, slot);
  return manifest ? { manifest, signedAtSec: await readSignedAt(boot, slot) } : null;
}

export function describeSlot({ manifest, signedAtSec }: StoredSlot): SlotContent {
  const { buildId, hostname, tskrazyVersion, buildTimeSec, components, apps } = manifest;
  return { buildId, hostname, tskrazyVersion, buildTimeSec, signedAtSec, components, apps };
}

async function readSignedAt(boot: ByteSource, slot: Slot): Promise<number | null> {
  const bytes = await readSlotFile(boot, slot, SIGNATURES_NAME, MAX_SIGNATURES_BYTES);
  if (bytes === undefined) return null;
  try {
    return parseSignatures(bytes).signedAtSec;
  } catch (error) {
    if (error instanceof SignatureError) return null;
    throw error;
  }
}
