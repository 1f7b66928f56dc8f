import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { loadModules } from './load-modules.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-modules-'));
const noModule = join(directory, 'no-module.ko');
writeFileSync(noModule, 'no module');

after(() => rmSync(directory, { recursive: true }));

function plain(path: string): { path: string; parameters: string; isPacked: boolean } {
  return { path, parameters: 'a=b', isPacked: false };
}

test('loadModules says which one fails, and how', async () => {
  const absent = join(directory, 'absent.ko');
  assert.deepEqual(await loadModules([plain(absent), plain(noModule)], 60_000), {
    path: absent,
    code: 'ENOENT',
  });
});

test('loadModules passes on what the kernel says', async () => {
  const failure = await loadModules([plain(noModule)], 60_000);
  assert.equal(failure?.path, noModule);
  // No module; no rights; a kernel without modules.
  assert.ok(['ENOEXEC', 'EPERM', 'ENOSYS'].includes(failure?.code ?? ''), failure?.code);
});

test('loadModules with nothing to load succeeds', async () => {
  assert.equal(await loadModules([], 60_000), undefined);
});
