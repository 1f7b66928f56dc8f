// Signs manifests with the keys of the instance. The time is an argument: for a disk image it is the build's, so
// that the same inputs give the same bytes, and for an update the present.

import { sign } from 'node:crypto';
import { formatSignatures, signedText, type TrustedKey } from '../../shared/manifest/manifest-signature.ts';
import { signingKeys, type UpdateKeys } from '../config/update-keys.ts';

/** Content of the file with the signatures. */
export function signManifest(manifestBytes: Uint8Array, keys: UpdateKeys, signedAtSec: number): Uint8Array {
  const text = signedText(manifestBytes, signedAtSec);
  const signatures = signingKeys(keys).map(({ id, privateKey }) => ({
    keyId: id,
    signature: sign(null, text, privateKey).toString('base64'),
  }));
  return formatSignatures({ formatVersion: 1, signedAtSec, signatures });
}

/** What the image will believe: the instance's own keys, then those of tskrazy.json. */
export function trustedKeysOf(keys: UpdateKeys, others: readonly TrustedKey[]): TrustedKey[] {
  const own = signingKeys(keys).map(({ id, publicKey }) => ({ id, publicKey }));
  return [...own, ...others.filter(({ publicKey }) => own.every((key) => key.publicKey !== publicKey))];
}
