import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findManifest, rememberManifest } from './known-manifests.ts';

const state = mkdtempSync(join(tmpdir(), 'tsk-manifests-'));
after(() => rmSync(state, { recursive: true }));

function manifestOf(build: number): { sha256: string; manifest: Buffer } {
  const manifest = Buffer.from(`{"build":${build}}`);
  return { sha256: createHash('sha256').update(manifest).digest('hex'), manifest };
}

test('a manifest is found by its hash, and the one that a device has outlives many builds', async () => {
  const first = manifestOf(0);
  await rememberManifest(state, first.manifest);
  assert.deepEqual(await findManifest(state, ['00', '../../x', manifestOf(1).sha256, first.sha256]), first);
  for (let build = 1; build <= 40; build++) {
    await rememberManifest(state, manifestOf(build).manifest);
    // Clocks of file systems are coarse.
    const path = join(state, 'manifests', `${manifestOf(build).sha256}.zst`);
    utimesSync(path, 1_000 + build, 1_000 + build);
    if (build % 10 === 0) await findManifest(state, [first.sha256]);
  }
  assert.equal(readdirSync(join(state, 'manifests')).length, 16);
  assert.deepEqual(await findManifest(state, [manifestOf(1).sha256]), null);
  assert.deepEqual(await findManifest(state, [first.sha256]), first);
});

test('one that is damaged is not there, and where there is no state nothing is made', async () => {
  const { sha256, manifest } = manifestOf(100);
  await rememberManifest(state, manifest);
  writeFileSync(join(state, 'manifests', `${sha256}.zst`), 'garbage');
  assert.equal(await findManifest(state, [sha256]), null);
  const nowhere = join(state, 'not', 'there');
  await rememberManifest(nowhere, manifest);
  assert.equal(existsSync(nowhere), false);
  assert.equal(await findManifest(nowhere, [sha256]), null);
});
