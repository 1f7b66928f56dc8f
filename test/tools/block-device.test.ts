// Block devices as the kernel has them: a loop device with a file system on it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openBlockDevice } from '../../src/device/block-device.ts';
import { requireTool } from '../support/require-tool.ts';

const SIZE_BYTES = 4 * 1024 * 1024;

function run(tool: string, ...args: readonly string[]): string {
  return execFileSync(tool, args, { encoding: 'utf8', stdio: 'pipe' }).trim();
}

/** undefined after marking the test as skipped. */
function loopDevice(t: TestContext): { path: string; mountPoint: string } | undefined {
  const [losetup, format] = [requireTool(t, 'losetup'), requireTool(t, 'mkfs.ext4')];
  if (losetup === undefined || format === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-block-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [file, mountPoint] = [join(directory, 'disk'), join(directory, 'mounted')];
  writeFileSync(file, '');
  truncateSync(file, SIZE_BYTES);
  mkdirSync(mountPoint);
  try {
    const path = run(losetup, '--find', '--show', file);
    t.after(() => run(losetup, '--detach', path));
    run(format, '-q', path);
    return { path, mountPoint };
  } catch (error) {
    t.skip(`no loop device can be had here: ${(error as Error).message}`);
    return undefined;
  }
}

test('a block device that is mounted cannot be had alone, and one that is had alone cannot be mounted', (t) => {
  const loop = loopDevice(t);
  if (loop === undefined) return;
  const { path, mountPoint } = loop;
  run('mount', '-o', 'ro', path, mountPoint);
  try {
    assert.throws(() => openBlockDevice(path, SIZE_BYTES, 'r+ alone'), { code: 'EBUSY' });
    openBlockDevice(path, SIZE_BYTES, 'r')[Symbol.dispose]();
  } finally {
    run('umount', mountPoint);
  }
  using alone = openBlockDevice(path, SIZE_BYTES, 'r+ alone');
  assert.equal(alone.sizeBytes, SIZE_BYTES);
  assert.throws(() => run('mount', '-o', 'ro', path, mountPoint));
});
