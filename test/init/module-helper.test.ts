// The program that the kernel runs when it wants a module by name, in a mount namespace of its own.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { moduleHelper } from '../../src/host/build/module-helper.ts';
import { OFFERED_MODULES_DIRECTORY } from '../../src/shared/board/kernel-modules.ts';
import { HOST_BOARD } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-module-'));
const helper = join(directory, 'load-module');
after(() => rmSync(directory, { recursive: true }));
writeFileSync(helper, moduleHelper(HOST_BOARD));
chmodSync(helper, 0o755);

/** What finit_module(2) says to a file that is no module, or of a kernel that has none. */
const REFUSALS: readonly (number | null)[] = [
  constants.errno.ENOEXEC,
  constants.errno.ENOSYS,
  constants.errno.EPERM,
];

/** Exit code, with a file that is no module offered as `offered`. */
function ask(...words: string[]): number | null {
  const script = [
    'mount -t tmpfs none /run',
    `mkdir -p ${OFFERED_MODULES_DIRECTORY}`,
    `echo no module > ${OFFERED_MODULES_DIRECTORY}offered`,
    'exec "$@"',
  ].join(' && ');
  return spawnSync('unshare', ['-m', 'sh', '-c', script, 'sh', helper, ...words]).status;
}

function isPossible(): boolean {
  return spawnSync('unshare', ['-m', 'true']).status === 0;
}

test('the kernel gets by name what is offered, and nothing else', (t) => {
  if (!requireTool(t, 'unshare')) return;
  if (!isPossible()) return t.skip('needs root');
  assert.ok(REFUSALS.includes(ask('-q', '--', 'offered')));
  assert.equal(ask('-q', '--', 'net-pf-9'), 1);
  assert.equal(ask('-q', '--', '../modules/offered'), 1);
  assert.equal(ask('-q', '--', 'o'.repeat(300)), 1);
  assert.equal(ask(), 1);
});
