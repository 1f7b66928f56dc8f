import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { updateSchema } from '../config/update.ts';
import { formatPublicKey, parseTrustedKey } from './trusted-key.ts';

// The public key of RFC 8032, section 7.1, test 1.
const KEY = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';

test('parseTrustedKey: a key, and one with its last day', () => {
  const key = { id: '21fe31dfa154a261', publicKey: KEY };
  assert.deepEqual(parseTrustedKey(`ed25519:${KEY}`), key);
  assert.deepEqual(parseTrustedKey(formatPublicKey(key)), key);
  const notAfterSec = Date.UTC(2027, 1, 1) / 1000 - 1;
  assert.deepEqual(parseTrustedKey(`ed25519:${KEY} until 2027-01-31`), { ...key, notAfterSec });
});

test('parseTrustedKey: what is none', () => {
  for (const text of [
    '',
    KEY,
    'ed25519:',
    `ED25519:${KEY}`,
    `ed25519:${KEY.slice(1)}`,
    `ed25519:A${KEY}`,
    `ed25519:${KEY.replace('o=', 'p=')}`,
    `ed25519: ${KEY}`,
    `ed25519:${KEY}\n`,
    `ed25519:${KEY} until`,
    `ed25519:${KEY} until 2027-1-1`,
    `ed25519:${KEY} until 2027-02-29`,
    `ed25519:${KEY} until 2027-13-01`,
    `ed25519:${KEY} until 2027-01-31 `,
  ]) {
    assert.equal(parseTrustedKey(text), undefined, JSON.stringify(text));
  }
});

test('updateSchema: keys, and what they must be', () => {
  const keys = [`ed25519:${KEY}`, `ed25519:${KEY} until 2028-02-29`];
  assert.deepEqual(v.parse(updateSchema, { trustedKeys: keys }), { trustedKeys: keys });
  assert.deepEqual(v.parse(updateSchema, {}), {});
  const cases: [unknown, RegExp][] = [
    ['x', /must be an object/],
    [{ trustedKeys: keys[0] }, /must be an array/],
    [{ trustedKeys: [7] }, /must be a string/],
    [{ trustedKeys: [KEY] }, /as "tsk key show" prints it/],
    [{ trustedKeys: [`ed25519:${KEY} until 2027-02-29`] }, /a day that there is not/],
    [{ trustedKeys: Array(17).fill(keys[0]) }, /at most 16/],
  ];
  for (const [value, message] of cases) {
    const result = v.safeParse(updateSchema, value);
    assert.equal(result.issues?.length, 1);
    assert.match(result.issues[0].message, message, JSON.stringify(value));
  }
});
