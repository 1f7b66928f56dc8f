// Who vouches for a manifest: ed25519 signatures (RFC 8032) beside it, one for each key that signed.
//
// What is signed is this text, so that a signature for something else can never be taken for one of a manifest:
//   "tskrazy manifest 1\n" SIGNED-AT "\n" SHA-256 "\n"
// with the time in decimal seconds and the hash of the manifest's bytes in hex.
//
// The time orders signatures: an image with an older one than that of the running image is a replay. Builds
// themselves carry no time, because the same inputs give the same bytes.

export const SIGNATURES_NAME = 'manifest.sig.json';

export interface ManifestSignatures {
  formatVersion: 1;
  /** Unix time. */
  signedAtSec: number;
  signatures: readonly { keyId: string; /** Base64, 64 bytes. */ signature: string }[];
}

/** A public key that the running image believes (`DeviceConfig.update.trustedKeys`). */
export interface TrustedKey {
  /** First 16 hex digits of the public key's SHA-256. */
  id: string;
  /** Base64 of its 32 bytes. */
  publicKey: string;
  /** Unix time after which it is not believed any more. Absent: for good. */
  notAfterSec?: number;
}
