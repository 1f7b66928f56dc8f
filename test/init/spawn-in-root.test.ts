// A process with another root than that of who starts it: chroot(2), which only root may do.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { spawnProcess } from '../../src/device/sys/processes.ts';

/** A root with a shell and the libraries that it needs. */
function makeRoot(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'tsk-spawn-root-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const libraries = execFileSync('ldd', ['/bin/sh'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  for (const path of ['/bin/sh', ...libraries]) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    copyFileSync(path, join(root, path));
  }
  for (const directory of ['data', 'dev']) mkdirSync(join(root, directory));
  // What stands for its input is found in the new root, too.
  writeFileSync(join(root, 'dev/null'), '');
  writeFileSync(join(root, 'only-here'), 'this root');
  return root;
}

async function outputOf(root: string, argv: readonly string[], cwd: string): Promise<string> {
  let output = '';
  const closed = Promise.withResolvers<void>();
  await spawnProcess({
    argv,
    cwd,
    root,
    env: {},
    onOutput: (_stream, chunk) => {
      output += chunk.toString();
    },
    onExit: () => {},
    onClose: closed.resolve,
  });
  await closed.promise;
  return output;
}

test('spawnProcess: a process finds all in its own root, and who started it stays in another', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('chroot is for root');
  const root = makeRoot(t);
  const before = [process.cwd(), statSync('/').ino, statSync('.').ino];
  const output = await outputOf(root, ['/bin/sh', '-c', 'pwd; read line < /only-here; echo $line'], '/data');
  assert.equal(output, '/data\nthis root\n');
  assert.deepEqual([process.cwd(), statSync('/').ino, statSync('.').ino], before);
});

test('spawnProcess: a start in another root that fails leaves nothing changed', async (t) => {
  if (process.getuid?.() !== 0) return t.skip('chroot is for root');
  const root = makeRoot(t);
  const before = statSync('/').ino;
  await assert.rejects(outputOf(root, ['/bin/missing'], '/data'), /Cannot execute "\/bin\/missing"/);
  await assert.rejects(outputOf('/nowhere', ['/bin/sh'], '/'), /chroot/);
  assert.equal(statSync('/').ino, before);
});
