import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  FAT16_BYTES,
  FAT32_BYTES,
  FILES,
  filled,
  volumeWith,
} from '../../../test/support/formats/fat-volume.ts';
import type { ByteSource } from '../byte-source.ts';
import { readFatFile } from './read-file.ts';
import { readGeometry } from './volume.ts';

const ANY_SIZE = 2 ** 30;

/** How much was read of `source`. */
function counted(source: ByteSource): { source: ByteSource; readBytes: () => number } {
  let sum = 0;
  return {
    readBytes: () => sum,
    source: {
      sizeBytes: source.sizeBytes,
      async read(offsetBytes, lengthBytes) {
        sum += lengthBytes;
        return source.read(offsetBytes, lengthBytes);
      },
    },
  };
}

for (const [type, sizeBytes] of [
  ['FAT16', FAT16_BYTES],
  ['FAT32', FAT32_BYTES],
] as const) {
  test(`readFatFile: every file of a ${type} volume, fragments and all`, async () => {
    const device = await volumeWith(sizeBytes, { ...FILES, 'deep/er/est/large.bin': filled(100_000, 9) });
    for (const [path, content] of Object.entries(FILES)) {
      assert.deepEqual(await readFatFile(device, path.toUpperCase(), ANY_SIZE), content);
    }
    assert.deepEqual(await readFatFile(device, 'deep/er/est/large.bin', ANY_SIZE), filled(100_000, 9));
  });
}

test('readFatFile reads next to nothing of the FAT', async () => {
  const { source, readBytes } = counted(await volumeWith(FAT32_BYTES));
  await readFatFile(source, 'loader/loader.conf', ANY_SIZE);
  assert.ok(readBytes() < 16 * 1024, `${readBytes()} bytes`);
});

test('readFatFile says what is wrong as reading the whole volume does', async () => {
  const device = await volumeWith(FAT16_BYTES);
  await assert.rejects(readFatFile(device, 'missing', ANY_SIZE), { code: 'ENOENT' });
  await assert.rejects(readFatFile(device, 'loader/missing', ANY_SIZE), { code: 'ENOENT' });
  await assert.rejects(readFatFile(device, 'loader', ANY_SIZE), { code: 'EISDIR' });
  await assert.rejects(readFatFile(device, '', ANY_SIZE), { code: 'EISDIR' });
  await assert.rejects(readFatFile(device, 'loader/loader.conf/x', ANY_SIZE), { code: 'ENOTDIR' });
  await assert.rejects(readFatFile(device, 'a/vmlinuz', 6999), RangeError);
  // A FAT that has lost all chains, and then no volume at all.
  const { fatOffsetBytes, fatBytes } = await readGeometry(device);
  device.poke(fatOffsetBytes, filled(fatBytes, 0));
  await assert.rejects(readFatFile(device, 'a/vmlinuz', ANY_SIZE), /damaged: .* continues at cluster 0/);
  device.poke(0, filled(512, 0));
  await assert.rejects(readFatFile(device, 'a/vmlinuz', ANY_SIZE), SyntaxError);
});
