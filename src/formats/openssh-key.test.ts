import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import {
  formatOpensshPrivateKey,
  formatOpensshPublicKey,
  opensshFingerprint,
  parseOpensshPrivateKey,
} from './openssh-key.ts';

/** RFC 8032, 7.1, test 1. */
const KEY = createPrivateKey({
  key: {
    kty: 'OKP',
    crv: 'Ed25519',
    d: Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex').toString(
      'base64url',
    ),
    x: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex').toString(
      'base64url',
    ),
  },
  format: 'jwk',
});

test('a key is the line and the fingerprint that ssh-keygen makes of it', () => {
  const line = formatOpensshPublicKey(KEY);
  assert.equal(line, 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINdamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea');
  assert.equal(opensshFingerprint(line), 'SHA256:bbXpuKG6zhzdmnxq256TlqzFBzRl2f6OOg722cYNbU8');
});

test('the file of a private key is read again, and is the same each time', () => {
  const file = formatOpensshPrivateKey(KEY);
  assert.equal(formatOpensshPrivateKey(KEY), file);
  assert.ok(parseOpensshPrivateKey(file).equals(KEY));
  assert.ok(file.split('\n').every((line) => line.length <= 70));
});

test('what is no such file is refused', () => {
  const file = formatOpensshPrivateKey(KEY);
  for (const text of [
    '',
    'x',
    file.slice(0, 200),
    file.replace('b3BlbnNzaC', 'AAAAAAAAAA'),
    KEY.export({ format: 'pem', type: 'pkcs8' }),
  ])
    assert.throws(() => parseOpensshPrivateKey(text), SyntaxError);
});
