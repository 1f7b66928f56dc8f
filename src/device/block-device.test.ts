import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openBlockDevice } from './block-device.ts';

function makeFile(t: TestContext, content: Uint8Array): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-block-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const path = join(directory, 'disk');
  writeFileSync(path, content);
  return path;
}

test('openBlockDevice reads and writes at any place', async (t) => {
  const path = makeFile(t, new Uint8Array(4096));
  using device = openBlockDevice(path, 4096, 'r+');
  await device.write(1000, Uint8Array.of(1, 2, 3));
  await device.flush();
  assert.deepEqual([...(await device.read(999, 5))], [0, 1, 2, 3, 0]);
  assert.deepEqual([...readFileSync(path).subarray(1000, 1003)], [1, 2, 3]);
});

test('openBlockDevice gives all that was asked for or an error', async (t) => {
  const path = makeFile(t, new Uint8Array(4096));
  using device = openBlockDevice(path, 4096, 'r');
  await assert.rejects(device.read(4000, 200), /Cannot read 200 bytes at 4000 of ".*disk": got 96/);
  await assert.rejects(device.write(0, Uint8Array.of(1)), { code: 'EBADF' });
});
