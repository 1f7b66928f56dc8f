// What an image may do that a device refuses otherwise: come after a newer one, come from the future, or give the device
// another name. Whoever signs the image says so, and neither a client nor whoever knows the password alone can.
//
// What is signed is this text, with "-" for what is not permitted:
//   "tskrazy permissions 1\n" SIGNED-AT "\n" SHA-256 "\n" DOWNGRADE-FROM "\n" RENAME-FROM "\n"
// with the time and the hash of the manifest as in manifest-signature.ts, so that it is about this image only.

import { createHash } from 'node:crypto';
import {
  parseSignatures,
  type TrustedKey,
  type UpdatePermissions,
  verifyText,
} from './manifest-signature.ts';

export const NOTHING_PERMITTED: UpdatePermissions = { downgradeFromSec: null, renameFrom: null };

/** What a signature of permissions is over. */
export function permissionsText(
  manifestBytes: Uint8Array,
  signedAtSec: number,
  { downgradeFromSec, renameFrom }: UpdatePermissions,
): Uint8Array {
  const hash = createHash('sha256').update(manifestBytes).digest('hex');
  const permitted = `${downgradeFromSec ?? '-'}\n${renameFrom ?? '-'}`;
  return new TextEncoder().encode(`tskrazy permissions 1\n${signedAtSec}\n${hash}\n${permitted}\n`);
}

/** Those of the file with the signatures. Throws SignatureError for any that no trusted key vouches for. */
export function verifyPermissions(
  manifestBytes: Uint8Array,
  signaturesBytes: Uint8Array,
  trustedKeys: readonly TrustedKey[],
  nowSec: number,
): UpdatePermissions {
  const { signedAtSec, permissions } = parseSignatures(signaturesBytes);
  if (permissions === undefined) return NOTHING_PERMITTED;
  const text = permissionsText(manifestBytes, signedAtSec, permissions);
  verifyText(text, permissions.signatures, trustedKeys, nowSec);
  return { downgradeFromSec: permissions.downgradeFromSec, renameFrom: permissions.renameFrom };
}
