// What a device leaves behind of its logs when it panics: a file system as it is on the medium at that moment.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogKeeper } from '../../src/device/init/log/log-keeper.ts';
import { LogRing } from '../../src/device/init/log/log-ring.ts';
import { requireTool } from '../support/require-tool.ts';

const BOOT = { id: 'that', buildId: 'b2', slot: 'b', bootedAtMs: 1000, end: null } as const;

test('logs that are kept safe are there after a power cut, and so is whose they are', async (t) => {
  const mke2fs = requireTool(t, 'mke2fs');
  if (mke2fs === undefined) return;
  using cleanUp = new DisposableStack();
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-kept-logs-'));
  cleanUp.defer(() => rmSync(scratch, { recursive: true, force: true }));
  const [disk, copy] = [join(scratch, 'disk.img'), join(scratch, 'copy.img')];
  execFileSync(mke2fs, ['-q', '-t', 'ext4', disk, '16M']);
  const perm = join(scratch, 'perm');
  if (!mount(disk, perm)) return t.skip('disk images cannot be mounted here');
  cleanUp.defer(() => execFileSync('umount', [perm]));
  const keeper = keep(join(perm, 'log'));
  keeper.start(BOOT);
  keeper.keepSafe(true);
  await keeper.flush();
  copyFileSync(disk, copy);
  await keeper.close('test', 1000);

  const after = join(scratch, 'after');
  assert.ok(mount(copy, after));
  cleanUp.defer(() => execFileSync('umount', [after]));
  const later = keep(join(after, 'log'));
  assert.deepEqual(await later.boots(), [{ boot: -1, ...BOOT, logs: ['init'] }]);
  assert.deepEqual(
    (await later.lines(-1, 'init'))?.map(({ text }) => text),
    ['about to panic'],
  );
});

function keep(directory: string): LogKeeper {
  const keeper = new LogKeeper({ directory, say: () => {} });
  const ring = new LogRing();
  keeper.keep('init', ring);
  ring.append('stdout', 'about to panic');
  return keeper;
}

function mount(image: string, directory: string): boolean {
  mkdirSync(directory);
  try {
    execFileSync('mount', ['-o', 'loop', image, directory], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
