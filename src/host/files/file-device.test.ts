import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { FileDevice, sourceOfFile } from './file-device.ts';

function makePath(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-device-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'file');
}

test('FileDevice.create makes a sparse file and refuses to replace one', async (t) => {
  const path = makePath(t);
  const device = await FileDevice.create(path, 1024 ** 3);
  await device.write(1024 ** 3 - 3, Buffer.from('end'));
  assert.deepEqual(Buffer.from(await device.read(1024 ** 3 - 4, 4)), Buffer.from('\0end'));
  await device.close();
  const { size, blocks } = statSync(path);
  assert.equal(size, 1024 ** 3);
  assert.ok(blocks * 512 < 1024 ** 2);
  await assert.rejects(FileDevice.create(path, 1), { code: 'EEXIST' });
});

test('FileDevice reads all that was asked for or nothing', async (t) => {
  const path = makePath(t);
  writeFileSync(path, 'abcdef');
  const device = await FileDevice.open(path, 'r');
  t.after(() => device.close());
  assert.equal(device.sizeBytes, 6);
  assert.equal(Buffer.from(await device.read(2, 3)).toString(), 'cde');
  const target = Buffer.alloc(2);
  await device.readInto(4, target);
  assert.equal(target.toString(), 'ef');
  await assert.rejects(device.read(4, 3), {
    name: 'RangeError',
    message: 'Cannot read 3 bytes at 4: only 2 are there',
  });
});

test('sourceOfFile opens the file anew for each read', async (t) => {
  const path = makePath(t);
  writeFileSync(path, 'abcdef');
  const source = sourceOfFile(path, 6);
  assert.equal(Buffer.from(await source.read(1, 2)).toString(), 'bc');
  rmSync(path);
  await assert.rejects(source.read(0, 1), { code: 'ENOENT' });
});
