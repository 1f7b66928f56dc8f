import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { verifyManifest } from '../../shared/manifest/manifest-signature.ts';
import { formatPublicKey, parseTrustedKey } from '../../shared/manifest/trusted-key.ts';
import { signManifest, trustedKeysOf } from '../build/sign-manifest.ts';
import { ensureUpdateKeys, retireUpdateKey, rotateUpdateKey } from './update-keys.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-update-keys-'));
after(() => rmSync(root, { recursive: true }));

const manifest = Buffer.from('{}\n');

function makeState(): { stateDirectory: string; current: string; previous: string } {
  const stateDirectory = join(mkdtempSync(join(root, 'instance-')), '.tskrazy');
  mkdirSync(stateDirectory);
  return {
    stateDirectory,
    current: join(stateDirectory, 'update-key.pem'),
    previous: join(stateDirectory, 'update-key-previous.pem'),
  };
}

test('ensureUpdateKeys: draws one key, for its owner only, and keeps it', async () => {
  const state = makeState();
  const { current, previous } = await ensureUpdateKeys(state);
  assert.equal(previous, undefined);
  assert.equal(statSync(state.current).mode & 0o777, 0o600);
  assert.match(readFileSync(state.current, 'utf8'), /^-----BEGIN PRIVATE KEY-----\n/);
  assert.equal((await ensureUpdateKeys(state)).current.id, current.id);
  assert.equal(parseTrustedKey(formatPublicKey(current))?.id, current.id);
});

test('ensureUpdateKeys: builds that start at once agree on one key', async () => {
  const state = makeState();
  const all = await Promise.all(Array.from({ length: 8 }, () => ensureUpdateKeys(state)));
  assert.equal(new Set(all.map(({ current }) => current.id)).size, 1);
  assert.deepEqual(readdirSync(state.stateDirectory), ['update-key.pem']);
});

test('ensureUpdateKeys: says what to do about a file that is no such key', async () => {
  const other = generateKeyPairSync('x25519').privateKey;
  const texts = ['', 'x', other.export({ format: 'pem', type: 'pkcs8' })];
  for (const text of texts) {
    const state = makeState();
    writeFileSync(state.current, text);
    await assert.rejects(ensureUpdateKeys(state), {
      name: 'UserError',
      message: `Cannot use the update key in "${state.current}": it is no ed25519 private key in PEM`,
      hint: /Put it back from a copy/,
    });
    assert.equal(readFileSync(state.current, 'utf8'), text);
  }
});

test('a rotation: both keys sign and are trusted until the old one is retired', async () => {
  const state = makeState();
  const before = await ensureUpdateKeys(state);
  const rotated = await rotateUpdateKey(state);
  assert.equal(rotated.previous?.id, before.current.id);
  assert.notEqual(rotated.current.id, before.current.id);
  assert.equal(statSync(state.previous).mode & 0o777, 0o600);

  const signatures = signManifest(manifest, rotated, 7);
  const ids = [rotated.current.id, before.current.id];
  for (const keyId of ids) {
    const trusted = trustedKeysOf(rotated, []).filter(({ id }) => id === keyId);
    assert.deepEqual(verifyManifest(manifest, signatures, trusted, 0), { keyId, signedAtSec: 7 });
  }
  assert.deepEqual(
    trustedKeysOf(rotated, []).map(({ id }) => id),
    ids,
  );

  const gone = await retireUpdateKey(state);
  assert.deepEqual(
    [gone.id, existsSync(gone.path), existsSync(state.previous)],
    [before.current.id, true, false],
  );
  const retired = await ensureUpdateKeys(state);
  assert.deepEqual([retired.current.id, retired.previous], [rotated.current.id, undefined]);
  assert.throws(
    () => verifyManifest(manifest, signManifest(manifest, retired, 8), trustedKeysOf(before, []), 0),
    { problem: 'unknown key' },
  );
  await assert.rejects(retireUpdateKey(state), {
    name: 'UserError',
    message: 'Cannot retire the previous update key: there is none',
  });
});

test('retireUpdateKey: keys of several rotations are put aside side by side', async () => {
  const state = makeState();
  const retired: string[] = [];
  for (let count = 0; count < 2; count++) {
    await rotateUpdateKey(state);
    retired.push((await retireUpdateKey(state)).path);
  }
  assert.deepEqual(
    retired.map((path) => existsSync(path)),
    [true, true],
  );
  assert.notEqual(retired[0], retired[1]);
});

test('rotateUpdateKey: not while the last rotation goes on', async () => {
  const state = makeState();
  const { current, previous } = await rotateUpdateKey(state);
  await assert.rejects(rotateUpdateKey(state), {
    name: 'UserError',
    message: /the last rotation is not over/,
    hint: /tsk key retire/,
  });
  const after = await ensureUpdateKeys(state);
  assert.deepEqual([after.current.id, after.previous?.id], [current.id, previous?.id]);
});

test('rotateUpdateKey: completes one that was cut off in the middle', async () => {
  const state = makeState();
  const before = await ensureUpdateKeys(state);
  copyFileSync(state.current, state.previous);
  assert.equal(
    JSON.parse(Buffer.from(signManifest(manifest, await ensureUpdateKeys(state), 1)).toString()).signatures
      .length,
    1,
  );
  await assert.rejects(retireUpdateKey(state), { message: /there is none$/ });
  const rotated = await rotateUpdateKey(state);
  assert.equal(rotated.previous?.id, before.current.id);
  assert.notEqual(rotated.current.id, before.current.id);
  assert.ok(existsSync(state.previous));
});

test('trustedKeysOf: the own key first, for good, and the others as they are given', async () => {
  const keys = await ensureUpdateKeys(makeState());
  const { current: other } = await ensureUpdateKeys(makeState());
  const { id, publicKey } = keys.current;
  const given = [
    { id, publicKey, notAfterSec: 1 },
    { id: other.id, publicKey: other.publicKey, notAfterSec: 2 },
  ];
  assert.deepEqual(trustedKeysOf(keys, given), [{ id, publicKey }, given[1]]);
});
