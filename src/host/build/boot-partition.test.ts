import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deviceOfBytes } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import {
  type BootPartition,
  checkBootPartition,
  neededBootBytes,
  writeBootPartition,
} from './boot-partition.ts';
import type { FileInMemory } from '../root-tree.ts';

const MIB = 1024 * 1024;

function content(sizeBytes: number): FileInMemory {
  return { kind: 'bytes', bytes: Buffer.alloc(sizeBytes, 1) };
}

function partition(kernelBytes: number): BootPartition {
  return {
    hostname: 'garden',
    timestampSec: 1_700_000_000,
    loaderFiles: [{ path: 'loader/loader.conf', content: content(10) }],
    slotFiles: [
      { path: 'manifest.json', content: content(100) },
      { path: 'vmlinuz', content: content(kernelBytes) },
    ],
  };
}

test('writeBootPartition fills slot a and leaves slot b empty', async () => {
  const device = deviceOfBytes(new Uint8Array(8 * MIB));
  await writeBootPartition(partition(MIB), device, 8192);
  const volume = await openFat(device);
  assert.equal(volume.geometry.hiddenSectors, 8192);
  const names = async (path: string): Promise<string[]> => (await volume.list(path)).map(({ name }) => name);
  assert.deepEqual((await names('')).toSorted(), ['a', 'b', 'loader']);
  assert.deepEqual((await names('a')).toSorted(), ['manifest.json', 'vmlinuz']);
  assert.deepEqual(await names('b'), []);
  assert.equal((await volume.stat('a/vmlinuz'))?.modifiedSec, 1_700_000_000);
});

test('checkBootPartition wants room for a second slot, and says which files weigh most', () => {
  checkBootPartition(partition(2 * MIB), 8 * MIB);
  assert.throws(() => checkBootPartition(partition(5 * MIB), 8 * MIB), {
    name: 'UserError',
    message:
      /^Cannot build the boot partition: it needs 12\.1 MiB, 4\.1 MiB more than its partition of 8\.0 MiB$/,
    hint: /:\n {4}5\.0 MiB {2}vmlinuz \(once for each slot\)\n {4}0\.1 MiB {2}manifest\.json \(once for each slot\)\n {4}0\.1 MiB {2}loader\/loader\.conf$/,
  });
});

test('neededBootBytes: a partition of that size takes two slots, and one of 1 MiB less does not', () => {
  for (const kernelBytes of [1, 5 * MIB, 12 * MIB]) {
    const needed = neededBootBytes(partition(kernelBytes));
    checkBootPartition(partition(kernelBytes), needed);
    assert.throws(() => checkBootPartition(partition(kernelBytes), needed - MIB));
  }
});
