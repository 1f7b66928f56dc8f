import assert from 'node:assert/strict';
import { test } from 'node:test';
import { segmentsOf } from '../../../test/support/formats/fat-power-cut.ts';
import {
  assertClean,
  FAT16_BYTES,
  FAT32_BYTES,
  type Files,
  filesOn,
  filled,
  source,
} from '../../../test/support/formats/fat-volume.ts';
import { SparseDevice } from '../../../test/support/formats/sparse-device.ts';
import { openFatEditor } from './editor.ts';
import { FatSpaceError } from './layout.ts';
import { replaceRootFiles } from './root-files.ts';
import { openFat } from './volume.ts';
import { writeFat } from './writer.ts';

const TIME_SEC = 1800000000;
/** As a Raspberry Pi has them: nothing else may change, and the four belong together. */
const OLD: Files = {
  'bootcode.bin': filled(3000, 1),
  'config.txt': filled(512, 2),
  'fixup.dat': filled(700, 3),
  'fixup4.dat': filled(500, 4),
  'start.elf': filled(90_000, 5),
  'start4.elf': filled(70_000, 6),
  'tryboot.txt': filled(512, 7),
  'a/vmlinuz': filled(20_000, 8),
  'b/vmlinuz': filled(20_000, 9),
};
const NEW: Files = {
  'bootcode.bin': filled(3200, 11),
  'fixup.dat': filled(100, 13),
  'fixup4.dat': filled(900, 14),
  'start.elf': filled(95_000, 15),
  'start4.elf': filled(60_000, 16),
};

async function card(sizeBytes: number): Promise<SparseDevice> {
  const device = new SparseDevice(sizeBytes);
  await writeFat(device, {
    sizeBytes,
    hiddenSectors: 0,
    label: 'CARD',
    volumeId: 1,
    timestampSec: TIME_SEC,
    directories: ['a', 'b'],
    zones: ['a', 'b'],
    files: Object.entries(OLD).map(([path, bytes]) => ({ path, content: source(bytes) })),
  });
  return device.clone();
}

function asContents(files: Files): { path: string; content: ReturnType<typeof source> }[] {
  return Object.entries(files).map(([path, bytes]) => ({ path, content: source(bytes) }));
}

/** Of the files that belong together, and whether all others are as they were. */
async function stateOf(device: SparseDevice): Promise<'old' | 'new' | 'mixed'> {
  const now = await filesOn(device);
  const has = (files: Files): boolean =>
    Object.entries(files).every(([path, bytes]) => Buffer.compare(now[path]!, bytes) === 0);
  const others = Object.fromEntries(Object.entries(OLD).filter(([path]) => !(path in NEW)));
  assert.ok(has(others), 'another file has changed');
  return has(OLD) ? 'old' : has(NEW) ? 'new' : 'mixed';
}

for (const size of [FAT16_BYTES, FAT32_BYTES]) {
  test(`replaceRootFiles on ${size} bytes: a power cut leaves all the old files or all the new ones`, async () => {
    const before = await card(size);
    const device = before.clone();
    await replaceRootFiles(device, asContents(NEW), TIME_SEC);
    assert.equal(await stateOf(device), 'new');
    const seen = new Set<string>();
    const disk = before.clone();
    for (const segment of segmentsOf(device.log)) {
      // In order, and the last one first: the medium may choose.
      const lastFirst = disk.clone();
      lastFirst.replay(segment.at(-1)!);
      const states = [await stateOf(lastFirst)];
      for (const write of segment) {
        disk.replay(write);
        states.push(await stateOf(disk));
      }
      for (const state of states) seen.add(state);
    }
    assert.deepEqual([...seen], ['old', 'new']);
  });
}

test('replaceRootFiles: again and again, beside slots that are renewed, without running out of room', async () => {
  const device = await card(FAT16_BYTES);
  for (let round = 0; round < 12; round++) {
    const files =
      round % 2 === 0 ? NEW : Object.fromEntries(Object.keys(NEW).map((path) => [path, OLD[path]!]));
    await replaceRootFiles(device, asContents(files), TIME_SEC);
    const editor = await openFatEditor(device, { zone: 'b', timestampSec: TIME_SEC });
    await editor.replaceFile('b/vmlinuz', source(OLD['b/vmlinuz']!));
    assert.ok(editor.keptApart);
    await editor.flush();
  }
  assert.equal(await stateOf(device), 'old');
});

test('replaceRootFiles refuses what it cannot do in one step, and writes nothing then', async () => {
  const device = await card(FAT16_BYTES);
  const refused = [
    { files: { 'gone.elf': filled(10, 1) }, error: /the root has no such file/ },
    { files: { a: filled(10, 1) }, error: /the root has no such file/ },
    { files: { 'start.elf': new Uint8Array(FAT16_BYTES) }, error: FatSpaceError },
  ];
  for (const { files, error } of refused) {
    await assert.rejects(replaceRootFiles(device, asContents(files), TIME_SEC), error);
    assert.equal(await stateOf(device), 'old');
  }
  await assertClean(device);
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`file-${i}.bin`, filled(10, i)]));
  const full = new SparseDevice(FAT16_BYTES);
  await writeFat(full, {
    sizeBytes: FAT16_BYTES,
    hiddenSectors: 0,
    label: 'FULL',
    volumeId: 1,
    timestampSec: TIME_SEC,
    zones: [],
    files: asContents(many),
  });
  await assert.rejects(
    replaceRootFiles(full, asContents({ 'file-1.bin': filled(9, 1), 'file-29.bin': filled(9, 2) }), TIME_SEC),
    /their names are in 2 sectors/,
  );
  assert.equal((await (await openFat(full)).stat('file-1.bin'))?.sizeBytes, 10);
});
