import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  formatSignatures,
  keyIdOf,
  MAX_SIGNATURES_BYTES,
  parseSignatures,
  SignatureError,
  type SignatureProblem,
  signedText,
  type TrustedKey,
  verifyManifest,
} from './manifest-signature.ts';

const SEED = 8032;
const NOW_SEC = 1_800_000_000;
const SIGNED_AT_SEC = 1_790_000_000;
const manifest = Buffer.from('{"any":"bytes"}\n');

interface Signer extends TrustedKey {
  privateKey: KeyObject;
}

function makeSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const bytes = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  return { privateKey, id: keyIdOf(bytes), publicKey: bytes.toString('base64') };
}

const one = makeSigner();
const other = makeSigner();

function signatureOf({ id, privateKey }: Signer, bytes: Uint8Array = manifest, at = SIGNED_AT_SEC) {
  return { keyId: id, signature: sign(null, signedText(bytes, at), privateKey).toString('base64') };
}

function signedBy(...signers: Signer[]): Uint8Array {
  return formatSignatures({
    formatVersion: 1,
    signedAtSec: SIGNED_AT_SEC,
    signatures: signers.map((signer) => signatureOf(signer)),
  });
}

function assertRefused(
  problem: SignatureProblem,
  signatures: Uint8Array,
  { trusted = [one], bytes = manifest }: { trusted?: readonly TrustedKey[]; bytes?: Uint8Array } = {},
): void {
  assert.throws(
    () => verifyManifest(bytes, signatures, trusted, NOW_SEC),
    (error) => error instanceof SignatureError && error.problem === problem,
  );
}

/** The signatures of `one`, changed as JSON. */
function altered(changes: object): Uint8Array {
  const signatures = JSON.parse(Buffer.from(signedBy(one)).toString()) as object;
  return Buffer.from(JSON.stringify({ ...signatures, ...changes }));
}

test('keyIdOf: the first half of the hash of a known key', () => {
  // The public key of RFC 8032, section 7.1, test 1.
  const key = Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex');
  assert.equal(keyIdOf(key), '21fe31dfa154a261');
});

test('verifyManifest: one trusted key is enough, whoever else has signed', () => {
  const expected = { keyId: one.id, signedAtSec: SIGNED_AT_SEC };
  assert.deepEqual(verifyManifest(manifest, signedBy(one), [one], NOW_SEC), expected);
  assert.deepEqual(verifyManifest(manifest, signedBy(other, one), [one], NOW_SEC), expected);
  assert.deepEqual(verifyManifest(manifest, signedBy(one), [other, one], NOW_SEC), expected);
  const forged = { keyId: other.id, signature: signatureOf(one).signature };
  const half = altered({ signatures: [forged, signatureOf(one)] });
  assert.deepEqual(verifyManifest(manifest, half, [other, one], NOW_SEC), expected);
});

test('verifyManifest: a key counts up to the last second of its time', () => {
  const until = (notAfterSec: number): TrustedKey[] => [{ ...one, notAfterSec }];
  assert.equal(verifyManifest(manifest, signedBy(one), until(NOW_SEC), NOW_SEC).keyId, one.id);
  assertRefused('expired key', signedBy(one), { trusted: until(NOW_SEC - 1) });
  assert.equal(verifyManifest(manifest, signedBy(one, other), [...until(0), other], NOW_SEC).keyId, other.id);
});

test('verifyManifest: tells apart why nobody vouches for it', () => {
  assertRefused('unsigned', new Uint8Array());
  assertRefused('unsigned', altered({ signatures: [] }));
  assertRefused('unknown key', signedBy(other));
  assertRefused('unknown key', signedBy(one), { trusted: [] });
  assertRefused('wrong signature', signedBy(one), { bytes: Buffer.from('{"other":"bytes"}\n') });
  assertRefused('wrong signature', altered({ signedAtSec: SIGNED_AT_SEC + 1 }));
  assertRefused(
    'wrong signature',
    altered({ signatures: [{ keyId: one.id, signature: signatureOf(other).signature }] }),
  );
});

test('verifyManifest: a signature of the manifest itself, or of its hash alone, is none', () => {
  const [, , hash = ''] = Buffer.from(signedText(manifest, SIGNED_AT_SEC)).toString().split('\n');
  for (const text of [manifest, Buffer.from(hash), Buffer.from(hash, 'hex')]) {
    const signature = sign(null, text, one.privateKey).toString('base64');
    assertRefused('wrong signature', altered({ signatures: [{ keyId: one.id, signature }] }));
  }
});

test('verifyManifest: a flipped bit anywhere in the signature', () => {
  const { keyId, signature } = signatureOf(one);
  fc.assert(
    fc.property(fc.nat(64 * 8 - 1), (bit) => {
      const bytes = Buffer.from(signature, 'base64');
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      const wrong = altered({ signatures: [{ keyId, signature: bytes.toString('base64') }] });
      assertRefused('wrong signature', wrong);
    }),
    { seed: SEED, numRuns: 60 },
  );
});

test('parseSignatures: what is not of the form', () => {
  const { keyId, signature } = signatureOf(one);
  const malformed = [
    Buffer.from('no JSON'),
    Buffer.from([0x22, 0xff, 0x22]),
    Buffer.from('null'),
    Buffer.alloc(MAX_SIGNATURES_BYTES + 1, ' '),
    altered({ formatVersion: 2 }),
    altered({ formatVersion: '1' }),
    altered({ signedAtSec: -1 }),
    altered({ signedAtSec: 1.5 }),
    altered({ signedAtSec: '1' }),
    altered({ signedAtSec: 1e16 }),
    altered({ signatures: {} }),
    altered({ signatures: Array.from({ length: 17 }, () => ({ keyId, signature })) }),
    altered({ signatures: [signature] }),
    altered({ signatures: [{ keyId }] }),
    altered({ signatures: [{ keyId: keyId.toUpperCase().padEnd(17, 'A'), signature }] }),
    altered({ signatures: [{ keyId, signature: signature.slice(0, -2) }] }),
    altered({ signatures: [{ keyId, signature: `${signature}\n` }] }),
    altered({ signatures: [{ keyId, signature: signature.replace('==', 'AA') }] }),
  ];
  for (const bytes of malformed) assertRefused('malformed', bytes);
});

test('formatSignatures and parseSignatures: any signatures', () => {
  const base64 = fc
    .uint8Array({ minLength: 64, maxLength: 64 })
    .map((bytes) => Buffer.from(bytes).toString('base64'));
  const signature = fc.record({ keyId: fc.stringMatching(/^[0-9a-f]{16}$/), signature: base64 });
  const signatures = fc.record({
    formatVersion: fc.constant(1 as const),
    signedAtSec: fc.nat(),
    signatures: fc.array(signature, { maxLength: 16 }),
  });
  fc.assert(
    fc.property(signatures, (value) => {
      assert.equal(JSON.stringify(parseSignatures(formatSignatures(value))), JSON.stringify(value));
    }),
    { seed: SEED, numRuns: 100 },
  );
});

test('parseSignatures: any bytes are refused as malformed', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.json().map((text) => Buffer.from(text)),
      ),
      (bytes) => {
        assert.throws(
          () => parseSignatures(bytes),
          (error) => error instanceof SignatureError && error.problem === 'malformed',
        );
      },
    ),
    { seed: SEED },
  );
});
