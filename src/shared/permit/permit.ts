// A permit: somebody with an update key of the instance lets a running device do one thing for him that its page's
// password does not suffice for, such as opening a debugger or a root shell. The device draws a challenge, the client signs that with
// what it wants, and the device checks it against the keys that its running image trusts.
//
// What is signed is this text, so that a signature for something else can never be taken for one of a permit:
//   "tskrazy permit 1\n" PURPOSE "\n" CHALLENGE "\n" HOSTNAME "\n" BOOT-ID "\n" SHA-256 "\n"
// The last is the hash of the request: the bytes, as they are sent, of a JSON whose form the purpose says. A challenge
// is good once, for a short time, at the device and boot that drew it.

import { createHash } from 'node:crypto';
import {
  type ManifestSignature,
  parseSignature,
  type TrustedKey,
  verifyText,
} from '../manifest/manifest-signature.ts';
import { parseUntrustedJson } from '../untrusted-json.ts';
import { MAX_PERMIT_BYTES, PERMIT_PURPOSES, type PermitChallenge, type PermitPurpose } from './permit-api.ts';

/** What a signature is about. */
export interface PermitTerms extends Pick<PermitChallenge, 'challenge' | 'hostname' | 'bootId'> {
  purpose: PermitPurpose;
  request: string;
}

/** As it is sent: the device knows the rest. */
export interface Permit {
  purpose: PermitPurpose;
  challenge: string;
  /** JSON, as a text, because its bytes are what is signed. */
  request: string;
  signatures: readonly ManifestSignature[];
}

const MAX_SIGNATURES = 16;
const CHALLENGE = /^[0-9a-f]{64}$/;
const REQUEST = /^[^]{2,98304}$/;

/** What a signature is over. */
export function permitText({ purpose, challenge, hostname, bootId, request }: PermitTerms): Uint8Array {
  const hash = createHash('sha256').update(request).digest('hex');
  return new TextEncoder().encode(
    `tskrazy permit 1\n${purpose}\n${challenge}\n${hostname}\n${bootId}\n${hash}\n`,
  );
}

/** Throws SyntaxError. It says nothing about whose signatures these are. */
export function parsePermit(bytes: Uint8Array): Permit {
  const root = parseUntrustedJson(bytes, { name: 'the permit', maxBytes: MAX_PERMIT_BYTES, maxValues: 200 });
  return {
    purpose: root.field('purpose').oneOf(PERMIT_PURPOSES),
    challenge: root.field('challenge').text(CHALLENGE),
    request: root.field('request').text(REQUEST),
    signatures: root.field('signatures').items(MAX_SIGNATURES).map(parseSignature),
  };
}

/** Id of the key that vouches for it. Throws SignatureError when no trusted one does. */
export function verifyPermit(
  { signatures, ...permit }: Permit,
  device: Pick<PermitChallenge, 'hostname' | 'bootId'>,
  trustedKeys: readonly TrustedKey[],
  nowSec: number,
): string {
  return verifyText(permitText({ ...permit, ...device }), signatures, trustedKeys, nowSec, 'request');
}
