// Who vouches for a manifest: ed25519 signatures (RFC 8032) beside it, one for each key that signed.
//
// What is signed is this text, so that a signature for something else can never be taken for one of a manifest:
//   "tskrazy manifest 1\n" SIGNED-AT "\n" SHA-256 "\n"
// with the time in decimal seconds and the hash of the manifest's bytes in hex.
//
// The time orders signatures: an image with an older one than the newest that a device has confirmed is a replay. Builds
// themselves carry no time, because the same inputs give the same bytes. What else whoever signs may permit is in
// update-permissions.ts.

import { createHash, createPublicKey, verify } from 'node:crypto';
import { parseUntrustedJson, type UntrustedValue } from '../untrusted-json.ts';

export const SIGNATURES_NAME = 'manifest.sig.json';

export interface ManifestSignatures {
  formatVersion: 1;
  /** Unix time. */
  signedAtSec: number;
  signatures: readonly ManifestSignature[];
  /** Signed by itself (update-permissions.ts): what was there before it is signed as ever. */
  permissions?: SignedPermissions;
  /**
   * Of a slot that the device has gone back to: the newest signing time that it had confirmed before. It is the device's
   * own note, and nothing that is sent.
   */
  newestConfirmedSec?: number;
}

export interface ManifestSignature {
  keyId: string;
  /** Base64, 64 bytes. */
  signature: string;
}

/** What devices refuse otherwise. Each names what it leads away from, so that it is worth nothing a second time. */
export interface UpdatePermissions {
  /** Newest signing time that the device has confirmed, 0 where it knows of none; null: no permission. */
  downgradeFromSec: number | null;
  /** Hostname that the device has; null: no permission. */
  renameFrom: string | null;
}

interface SignedPermissions extends UpdatePermissions {
  signatures: readonly ManifestSignature[];
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

/** Size of the file; MAX_SIGNATURES need a tenth of it. */
export const MAX_SIGNATURES_BYTES = 16 * 1024;
const MAX_SIGNATURES = 16;

const KEY_ID = /^[0-9a-f]{16}$/;
const SIGNATURE_BYTES = 64;
const BASE64 = /^[A-Za-z0-9+/]{86}==$/;
/** The last time that Date knows. */
const MAX_TIME_SEC = 8.64e12;
const HOSTNAME = /^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/;

export type SignatureProblem = 'unsigned' | 'malformed' | 'unknown key' | 'expired key' | 'wrong signature';

/** Nobody who is trusted vouches for the manifest. */
export class SignatureError extends Error {
  readonly problem: SignatureProblem;

  constructor(problem: SignatureProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.problem = problem;
  }
}

/** `publicKey` has 32 bytes. */
export function keyIdOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex').slice(0, 16);
}

/** What a signature is over. */
export function signedText(manifestBytes: Uint8Array, signedAtSec: number): Uint8Array {
  const hash = createHash('sha256').update(manifestBytes).digest('hex');
  return new TextEncoder().encode(`tskrazy manifest 1\n${signedAtSec}\n${hash}\n`);
}

export function formatSignatures(signatures: ManifestSignatures): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(signatures)}\n`);
}

/** Throws SignatureError. It says nothing about whose signatures these are. */
export function parseSignatures(bytes: Uint8Array): ManifestSignatures {
  try {
    const root = parseUntrustedJson(bytes, { name: 'the signatures', maxBytes: MAX_SIGNATURES_BYTES });
    return {
      formatVersion: root.field('formatVersion').oneOf([1]),
      signedAtSec: root.field('signedAtSec').integer(0, MAX_TIME_SEC),
      signatures: root.field('signatures').items(MAX_SIGNATURES).map(parseSignature),
      ...optional('permissions', root, parsePermissions),
      ...optional('newestConfirmedSec', root, (value) => value.integer(0, MAX_TIME_SEC)),
    };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new SignatureError('malformed', cause.message, { cause });
  }
}

function optional<K extends string, T>(
  key: K,
  root: UntrustedValue,
  read: (value: UntrustedValue) => T,
): { [key in K]?: T } {
  const value = root.field(key);
  return value.isAbsent ? {} : ({ [key]: read(value) } as { [key in K]: T });
}

export function parseSignature(value: UntrustedValue): ManifestSignature {
  return { keyId: value.field('keyId').text(KEY_ID), signature: value.field('signature').text(BASE64) };
}

function parsePermissions(value: UntrustedValue): SignedPermissions {
  return {
    downgradeFromSec: value.field('downgradeFromSec').orNull((sec) => sec.integer(0, MAX_TIME_SEC)),
    renameFrom: value.field('renameFrom').orNull((hostname) => hostname.text(HOSTNAME)),
    signatures: value.field('signatures').items(MAX_SIGNATURES).map(parseSignature),
  };
}

/**
 * The key that vouches for a manifest, and since when; throws SignatureError when no trusted one does. One is enough:
 * the others are there for devices that trust other keys.
 */
export function verifyManifest(
  manifestBytes: Uint8Array,
  signaturesBytes: Uint8Array,
  trustedKeys: readonly TrustedKey[],
  nowSec: number,
): { keyId: string; signedAtSec: number } {
  if (signaturesBytes.length === 0) throw new SignatureError('unsigned', 'The image is not signed');
  const { signedAtSec, signatures } = parseSignatures(signaturesBytes);
  if (signatures.length === 0) throw new SignatureError('unsigned', 'The image is not signed');
  const text = signedText(manifestBytes, signedAtSec);
  return { keyId: verifyText(text, signatures, trustedKeys, nowSec), signedAtSec };
}

/** Id of the key that vouches for a text, which messages call `subject`. Throws SignatureError when no trusted one does. */
export function verifyText(
  text: Uint8Array,
  signatures: readonly ManifestSignature[],
  trustedKeys: readonly TrustedKey[],
  nowSec: number,
  subject = 'image',
): string {
  const pairs = signatures.flatMap(({ keyId, signature }) =>
    trustedKeys.filter((key) => key.id === keyId).map((key) => ({ key, signature })),
  );
  if (pairs.length === 0) throw unknownKey(signatures, trustedKeys, subject);
  const current = pairs.filter(
    ({ key: { notAfterSec } }) => notAfterSec === undefined || nowSec <= notAfterSec,
  );
  if (current.length === 0) {
    const ids = pairs.map(({ key }) => key.id).join(', ');
    throw new SignatureError('expired key', `The ${subject} is signed with key ${ids}, which has expired`);
  }
  const right = current.find(({ key, signature }) => isSignatureOf(text, signature, key));
  if (right === undefined) {
    const ids = current.map(({ key }) => key.id).join(', ');
    throw new SignatureError('wrong signature', `The signature of key ${ids} is not that of this ${subject}`);
  }
  return right.key.id;
}

function unknownKey(
  signatures: readonly ManifestSignature[],
  trustedKeys: readonly TrustedKey[],
  subject: string,
): SignatureError {
  const given = signatures.map(({ keyId }) => keyId).join(', ');
  const trusted = trustedKeys.map(({ id }) => id).join(', ');
  return new SignatureError(
    'unknown key',
    `The ${subject} is signed with key ${given}, and trusted are ${trusted === '' ? 'none' : trusted}`,
  );
}

function isSignatureOf(text: Uint8Array, signature: string, key: TrustedKey): boolean {
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.length !== SIGNATURE_BYTES) return false;
  const x = Buffer.from(key.publicKey, 'base64').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  return verify(null, text, publicKey, bytes);
}
