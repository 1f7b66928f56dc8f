import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { refuseSmallerDisk } from './machine-disk.ts';

const GIB = 1024 ** 3;

test('a kept disk may become larger, not smaller', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-machine-disk-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'disk.img');
  await refuseSmallerDisk({ path, keep: true, sizeBytes: 1.5 * GIB });
  writeFileSync(path, '');
  truncateSync(path, 2 * GIB);
  for (const sizeBytes of [undefined, 2 * GIB, 3 * GIB])
    await refuseSmallerDisk({ path, keep: true, sizeBytes });
  await refuseSmallerDisk({ path, keep: false, sizeBytes: 1.5 * GIB });
  await assert.rejects(refuseSmallerDisk({ path, keep: true, sizeBytes: 1.5 * GIB }), {
    message: `Cannot make the kept disk smaller: "${path}" has 2048 MiB, and 1536 MiB were asked for`,
  });
});
