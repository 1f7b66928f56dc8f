import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BOARDS } from '../../shared/board/boards.ts';
import { UPDATE_RECORD_BYTES } from '../../shared/board/disk-layout.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { numberChunks } from '../../shared/manifest/chunk-index.ts';
import { parseManifest } from '../../shared/manifest/parse-manifest.ts';
import type { BootFile } from './boot-files.ts';
import { encodeManifest, makeManifest, type ManifestPlan } from './make-manifest.ts';

const MIB = 1024 * 1024;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

const config: DeviceConfig = {
  formatVersion: 1,
  hostname: 'garden',
  board: 'pc-arm64',
  buildId: '1'.repeat(64),
  buildTimeSec: 1_700_000_000,
  tskrazyVersion: '0.1.0',
  components: { node: '26.10.0' },
  web: { port: 80, passwordHash: null },
  services: [],
};

function planWith(bootFiles: readonly BootFile[]): ManifestPlan {
  const rootBytes = 5000;
  return {
    board: BOARDS['pc-arm64'],
    config,
    apps: [],
    entries: [],
    kernelArgs: ['ro'],
    loaderFiles: [{ path: 'loader.efi', content: { kind: 'bytes', bytes: Buffer.alloc(1000) } }],
    bootFiles,
    root: {
      sizeBytes: rootBytes,
      sha256: '2'.repeat(64),
      chunks: [{ lengthBytes: rootBytes, sha256: '2'.repeat(64) }],
    },
  };
}

/** Of a file on the disk and one in memory. */
function bootFiles(t: TestContext, kernel: Uint8Array): BootFile[] {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-manifest-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'kernel');
  writeFileSync(path, kernel);
  return [
    { path: 'vmlinuz', content: { kind: 'path', path, sizeBytes: kernel.length } },
    { path: 'empty', content: { kind: 'bytes', bytes: new Uint8Array() } },
  ];
}

test('makeManifest: boot files in chunks of at most 1 MiB, of which a device knows the numbers', async (t) => {
  const kernel = createHash('shake256', { outputLength: 2.5 * MIB })
    .update('kernel')
    .digest();
  const manifest = await makeManifest(planWith(bootFiles(t, kernel)));
  assert.deepEqual(manifest.bootFiles, [
    {
      path: 'vmlinuz',
      sizeBytes: kernel.length,
      sha256: sha256(kernel),
      chunks: [0, 1, 2].map((index) => {
        const bytes = kernel.subarray(index * MIB, (index + 1) * MIB);
        return { lengthBytes: bytes.length, sha256: sha256(bytes) };
      }),
    },
    { path: 'empty', sizeBytes: 0, sha256: sha256(new Uint8Array()), chunks: [] },
  ]);
  assert.equal(numberChunks(manifest).length, 4);
  assert.deepEqual(parseManifest(encodeManifest(manifest)), manifest);
});

test('makeManifest: the disk has to have room for boot files behind the root, and twice on the boot partition', async (t) => {
  const small = (await makeManifest(planWith(bootFiles(t, Buffer.alloc(MIB - 1))))).minLayout;
  assert.equal(small.rootPartitionBytes, 8192 + MIB + UPDATE_RECORD_BYTES);
  const large = (await makeManifest(planWith(bootFiles(t, Buffer.alloc(20 * MIB))))).minLayout;
  assert.equal(large.rootPartitionBytes, 8192 + 20 * MIB + UPDATE_RECORD_BYTES);
  // Slots begin at borders of 2048 clusters.
  assert.ok(large.bootPartitionBytes > 40 * MIB && large.bootPartitionBytes < 50 * MIB);
  assert.ok(small.bootPartitionBytes < 8 * MIB);
});
