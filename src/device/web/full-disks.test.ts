import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { DiskUsage } from '../../shared/api/web-api.ts';
import { FullDisks } from './full-disks.ts';

const MB = 1e6;

function diskOf(t: TestContext): DiskUsage & { mountPoint: string } {
  const mountPoint = mkdtempSync(join(tmpdir(), 'tsk-full-disk-'));
  t.after(() => rmSync(mountPoint, { recursive: true }));
  return { mountPoint, totalBytes: 900 * MB, availableBytes: 12 * MB, usedBytes: 880 * MB };
}

function fill(path: string, files: number, bytes: number): void {
  mkdirSync(path, { recursive: true });
  for (let count = 0; count < files; count++)
    writeFileSync(join(path, String(count)), Buffer.alloc(bytes, 1));
}

/** Asks until who has most is known. */
async function warningAbout(disk: DiskUsage, apps: readonly string[]): Promise<string> {
  const disks = new FullDisks();
  for (;;) {
    const [text = ''] = disks.warnings([disk], apps);
    if (text.includes('; ')) return text;
    await new Promise(setImmediate);
  }
}

test('FullDisks names the app that has most on a disk that is almost full', async (t) => {
  const disk = diskOf(t);
  fill(join(disk.mountPoint, 'camera/a/b'), 3, MB);
  fill(join(disk.mountPoint, 'mail'), 20, 100);
  symlinkSync('/', join(disk.mountPoint, 'mail/all'));
  const [at] = new FullDisks().warnings([disk], []);
  assert.equal(at, `${disk.mountPoint} is almost full: 12 MB of 900 MB are free for apps`);
  assert.equal(
    await warningAbout(disk, ['camera', 'mail']),
    `${at}; app "camera" has most of it, 3 MB and 6 files in ${disk.mountPoint}/camera`,
  );
  assert.match(await warningAbout(disk, []), /; \/.*\/camera has most of it, 3 MB and 6 files$/);
});

test('FullDisks names who has most files where there are hardly any left', async (t) => {
  const disk = { ...diskOf(t), availableBytes: 500 * MB, files: { total: 65_536, free: 300 } };
  fill(join(disk.mountPoint, 'camera'), 3, MB);
  fill(join(disk.mountPoint, 'mail'), 20, 0);
  assert.match(
    await warningAbout(disk, ['mail']),
    / can hardly take any more files: 300 of 65536 are free; app "mail" has most of it, 0 MB and 21 files in /,
  );
});

test('FullDisks says nothing of a disk that has room', (t) => {
  const disk = { ...diskOf(t), availableBytes: 500 * MB, files: { total: 65_536, free: 30_000 } };
  assert.deepEqual(new FullDisks().warnings([disk], []), []);
});
