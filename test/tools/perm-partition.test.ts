// What init makes of partitions as the reference tools leave them.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openBlockDevice } from '../../src/device/block-device.ts';
import { SUPERBLOCK_BYTES, SUPERBLOCK_OFFSET_BYTES } from '../../src/device/init/perm/ext4-superblock.ts';
import {
  FORMAT_MARK_BYTES,
  isFormatUnfinished,
  markFormat,
  unmarkFormat,
} from '../../src/device/init/perm/format-mark.ts';
import { identifyContent, PROBE_BYTES } from '../../src/device/init/perm/partition-content.ts';
import { requireTool } from '../support/require-tool.ts';

const MIB = 1024 * 1024;

function scratchFile(t: TestContext, sizeBytes: number): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-perm-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'partition');
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  return path;
}

function probe(path: string): ReturnType<typeof identifyContent> {
  const start = Buffer.alloc(PROBE_BYTES);
  const fd = openSync(path, 'r');
  readSync(fd, start);
  closeSync(fd);
  return identifyContent(start);
}

test('a fresh ext4 of mke2fs is recognised, with its size, and wants no check', (t) => {
  const mke2fs = requireTool(t, 'mke2fs');
  if (!mke2fs) return;
  for (const sizeMiB of [64, 600]) {
    const path = scratchFile(t, sizeMiB * MIB);
    execFileSync(mke2fs, ['-q', '-t', 'ext4', '-m', '1', path]);
    const content = probe(path);
    assert.equal(content.kind, 'ext4');
    assert.equal(content.superblock.blockBytes * content.superblock.blockCount, sizeMiB * MIB);
    assert.equal(content.superblock.wantsCheck, false);
  }
});

test('the mark of a format is left alone by mke2fs, and tells what a power cut leaves of it', async (t) => {
  const mke2fs = requireTool(t, 'mke2fs');
  if (!mke2fs) return;
  for (const sizeMiB of [64, 600]) {
    const path = scratchFile(t, sizeMiB * MIB);
    using partition = openBlockDevice(path, sizeMiB * MIB, 'r+');
    const format = (): void => {
      const sizeKib = `${(sizeMiB * MIB - FORMAT_MARK_BYTES) / 1024}k`;
      execFileSync(mke2fs, ['-q', '-t', 'ext4', path, sizeKib], { stdio: ['ignore', 'ignore', 'pipe'] });
    };
    await markFormat(partition);
    format();
    assert.ok(await isFormatUnfinished(partition));
    // The superblock comes last.
    await partition.write(SUPERBLOCK_OFFSET_BYTES, Buffer.alloc(SUPERBLOCK_BYTES));
    assert.deepEqual(probe(path), { kind: 'other', name: undefined });
    format();
    assert.equal(probe(path).kind, 'ext4');
    await unmarkFormat(partition);
    assert.equal(await isFormatUnfinished(partition), false);
  }
});

test('an ext4 with recorded errors wants a check, and no longer after e2fsck', (t) => {
  const mke2fs = requireTool(t, 'mke2fs');
  const debugfs = requireTool(t, 'debugfs');
  const e2fsck = requireTool(t, 'e2fsck');
  if (!mke2fs || !debugfs || !e2fsck) return;
  const path = scratchFile(t, 64 * MIB);
  execFileSync(mke2fs, ['-q', '-t', 'ext4', path]);
  execFileSync(debugfs, ['-w', '-R', 'set_super_value state 2', path], { stdio: 'ignore' });
  const damaged = probe(path);
  assert.ok(damaged.kind === 'ext4' && damaged.superblock.wantsCheck);
  assert.equal(spawnSync(e2fsck, ['-p', path]).status, 1);
  const repaired = probe(path);
  assert.ok(repaired.kind === 'ext4' && !repaired.superblock.wantsCheck);
});

test('a FAT partition is named, not taken for blank', (t) => {
  const mkfsFat = requireTool(t, 'mkfs.fat');
  if (!mkfsFat) return;
  const small = scratchFile(t, 64 * MIB);
  execFileSync(mkfsFat, ['-F', '16', small], { stdio: 'ignore' });
  assert.deepEqual(probe(small), { kind: 'other', name: 'FAT' });
  const large = scratchFile(t, 600 * MIB);
  execFileSync(mkfsFat, ['-F', '32', large], { stdio: 'ignore' });
  assert.deepEqual(probe(large), { kind: 'other', name: 'FAT32' });
});

test('a swap partition is named', (t) => {
  const mkswap = requireTool(t, 'mkswap');
  if (!mkswap) return;
  const path = scratchFile(t, 64 * MIB);
  execFileSync(mkswap, [path], { stdio: 'ignore' });
  assert.deepEqual(probe(path), { kind: 'other', name: 'Linux swap' });
});

test('only zeros are blank', (t) => {
  const path = scratchFile(t, 2 * MIB);
  assert.deepEqual(probe(path), { kind: 'blank' });
});
