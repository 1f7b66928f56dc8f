import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planGeometry } from './layout.ts';
import { BAD_CLUSTER, END_OF_CHAIN, FatTable, FREE } from './table.ts';

function tableOf(sizeMiB: number): FatTable {
  const sizeBytes = sizeMiB * 2 ** 20;
  const geometry = planGeometry({ sizeBytes, hiddenSectors: 0, label: 'T', volumeId: 0 }, 1);
  return new FatTable(geometry, new Uint8Array(geometry.fatBytes));
}

test('FatTable has the same values for FAT16 and FAT32', () => {
  for (const [size, first, second, third] of [
    [6, [0xf8, 0xff], [0xff, 0xff], [0xf7, 0xff]],
    [256, [0xf8, 0xff, 0xff, 0x0f], [0xff, 0xff, 0xff, 0x0f], [0xf7, 0xff, 0xff, 0x0f]],
  ] as const) {
    const table = tableOf(size);
    table.setReserved();
    table.set(2, BAD_CLUSTER);
    table.set(3, 4);
    assert.deepEqual([...table.bytes.subarray(0, 3 * first.length)], [...first, ...second, ...third]);
    assert.deepEqual(
      [1, 2, 3, 4].map((cluster) => table.get(cluster)),
      [END_OF_CHAIN, BAD_CLUSTER, 4, FREE],
    );
    table.set(5, 0x0ffffff8);
    assert.equal(table.get(5), END_OF_CHAIN);
  }
});

test('FatTable leaves the upper four bits of a FAT32 entry alone', () => {
  const table = tableOf(256);
  table.bytes.set([0x34, 0x12, 0x00, 0xa0], 4 * 7);
  assert.equal(table.get(7), 0x1234);
  table.set(7, END_OF_CHAIN);
  assert.deepEqual([...table.bytes.subarray(28, 32)], [0xff, 0xff, 0xff, 0xaf]);
  table.set(7, FREE);
  assert.deepEqual([...table.bytes.subarray(28, 32)], [0, 0, 0, 0xa0]);
});

test('FatTable notes which sectors change', () => {
  for (const [size, perSector] of [
    [6, 256],
    [256, 128],
  ] as const) {
    const table = tableOf(size);
    table.setRun(perSector - 1, 2);
    table.set(5 * perSector, 1);
    assert.deepEqual([...table.dirtySectors], [0, 1, 5]);
    assert.deepEqual(table.chain(perSector - 1, 'it'), [perSector - 1, perSector]);
  }
});

test('FatTable chain ends at loops, at free and bad clusters, and at those that do not exist', () => {
  const table = tableOf(6);
  table.set(10, 11);
  table.set(11, 10);
  assert.throws(() => table.chain(10, 'file "x"'), {
    name: 'SyntaxError',
    message: 'The FAT volume is damaged: file "x" runs in a circle',
  });
  assert.deepEqual(table.chain(10, 'it', 3), [10, 11, 10]);
  for (const value of [FREE, 1, BAD_CLUSTER, table.geometry.clusterCount + 2]) {
    table.set(11, value);
    assert.throws(() => table.chain(10, 'it'), SyntaxError, String(value));
  }
});
