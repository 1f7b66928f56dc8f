// Signs manifests with the keys of the instance. The time is an argument: for a disk image it is the build's, so
// that the same inputs give the same bytes, and for an update the present.

import {
  formatSignatures,
  signedText,
  type TrustedKey,
  type UpdatePermissions,
} from '../../shared/manifest/manifest-signature.ts';
import { permissionsText } from '../../shared/manifest/update-permissions.ts';
import { signingKeys, signText, type UpdateKeys } from '../config/update-keys.ts';

/** Content of the file with the signatures. */
export function signManifest(
  manifestBytes: Uint8Array,
  keys: UpdateKeys,
  signedAtSec: number,
  permitted?: UpdatePermissions,
): Uint8Array {
  const signatures = signText(signedText(manifestBytes, signedAtSec), keys);
  const permissions = permitted && {
    ...permitted,
    signatures: signText(permissionsText(manifestBytes, signedAtSec, permitted), keys),
  };
  return formatSignatures({ formatVersion: 1, signedAtSec, signatures, ...(permissions && { permissions }) });
}

/** What the image will believe: the instance's own keys, then those of tskrazy.json. */
export function trustedKeysOf(keys: UpdateKeys, others: readonly TrustedKey[]): TrustedKey[] {
  const own = signingKeys(keys).map(({ id, publicKey }) => ({ id, publicKey }));
  return [...own, ...others.filter(({ publicKey }) => own.every((key) => key.publicKey !== publicKey))];
}
