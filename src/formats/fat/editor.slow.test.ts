import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeFatDirectory, removeFatFile, replaceFatFile } from '../../../test/support/formats/fat-change.ts';
import {
  assertClean,
  bytesOf,
  FAT16_BYTES,
  FAT32_BYTES,
  FILES,
  filesOn,
  filled,
  fingerprint,
  source,
  survey,
  volumeWith,
} from '../../../test/support/formats/fat-volume.ts';
import type { ByteSource } from '../byte-source.ts';
import { fatEntryBytes } from './boot-sector.ts';
import { emptyFatZone, type FatEditor, openFatEditor } from './editor.ts';
import { FatSpaceError } from './layout.ts';
import { BAD_CLUSTER, FREE } from './table.ts';
import { openFat } from './volume.ts';
import { FatSharedError } from './zone-clusters.ts';

const MIB = 2 ** 20;
const SIZES = [FAT16_BYTES, FAT32_BYTES];
const OPTIONS = { zone: 'b', timestampSec: 1800000000 };

test('FatEditor: any sequence of changes gives what a map of files would', async () => {
  const directories = ['b', 'b/overlays', 'b/x', 'b/x/y'];
  const paths = fc.tuple(
    fc.constantFrom(...directories),
    fc.constantFrom(
      'vmlinuz',
      'First.dtbo',
      'a name that takes many slots of a directory.bin',
      'é',
      'Z'.repeat(200),
    ),
    fc.nat({ max: 12 }),
  );
  const commands = fc.array(
    fc.record({
      path: paths.map(([directory, name, number]) => `${directory}/${number} ${name}`),
      content: fc.uint8Array({ maxLength: 2000 }),
      remove: fc.boolean(),
      cut: fc.option(fc.nat(), { freq: 4 }),
    }),
    { minLength: 1, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(commands, fc.constantFrom(...SIZES), async (commands, size) => {
      let device = await volumeWith(size);
      let editor = await openFatEditor(device, OPTIONS);
      await editor.makeDirectory('b/x/y');
      const files = { ...FILES };
      for (const { path, content, remove, cut } of commands) {
        if (remove && path in files) {
          await editor.remove(path);
          delete files[path];
          continue;
        }
        if (cut !== null) {
          // A power cut in the middle of it, and the change once more.
          const copy = device.clone();
          const cutEditor = await openFatEditor(copy, OPTIONS);
          await cutEditor.replaceFile(path, source(content));
          const log = copy.log.slice(0, cut % copy.log.length);
          for (const entry of log) if (entry !== 'flush') device.replay(entry);
          editor = await openFatEditor(device, OPTIONS);
        }
        await editor.replaceFile(path, source(content));
        files[path] = content;
      }
      assert.equal(fingerprint(await filesOn(device)), fingerprint(files));
      device = device.clone();
      await replaceFatFile(device, 'b/last', source(''), OPTIONS);
      await assertClean(device);
    }),
    { seed: 2, numRuns: 6 },
  );
});

test('FatEditor fills the zone to the last cluster, says what is missing, and gives it all back', async () => {
  const device = await volumeWith(FAT16_BYTES);
  const editor = await openFatEditor(device, OPTIONS);
  const available = editor.availableBytes;
  await assert.rejects(
    editor.replaceFile('b/big', source(new Uint8Array(available + 1))),
    (error: unknown) => {
      assert.ok(error instanceof FatSpaceError);
      assert.equal(error.excessBytes, 512);
      assert.match(error.message, /^Cannot write "b\/big" to the FAT volume: it needs 512 bytes more/);
      return true;
    },
  );
  await editor.replaceFile('b/big', source(new Uint8Array(available)));
  assert.equal(editor.availableBytes, 0);
  await assertClean(device);
  await editor.remove('b/big');
  assert.equal(editor.availableBytes, available);
  await assertClean(device);
});

test('FatEditor keeps a file in one piece when there is room', async () => {
  const device = await volumeWith(FAT16_BYTES);
  const editor = await openFatEditor(device, OPTIONS);
  for (let i = 0; i < 20; i++) await editor.replaceFile(`b/${i}`, source(filled(600, i)));
  for (let i = 0; i < 20; i += 2) await editor.remove(`b/${i}`);
  await editor.replaceFile('b/whole', source(filled(30_000, 9)));
  assert.equal((await (await openFat(device)).extents('b/whole')).length, 1);
});

test('FatEditor streams: no piece of a large file is larger than 1 MiB', async () => {
  const device = await volumeWith(FAT32_BYTES);
  const sizes: number[] = [];
  const content: ByteSource = {
    sizeBytes: 5 * MIB + 5,
    async read(_offset, length) {
      sizes.push(length);
      return filled(length, 1);
    },
  };
  await replaceFatFile(device, 'b/vmlinuz', content, OPTIONS);
  assert.equal(Math.max(...sizes), MIB);
  assert.equal((await (await openFat(device)).stat('b/vmlinuz'))?.sizeBytes, content.sizeBytes);
});

test('FatEditor leaves the volume alone when the new content cannot be read', async () => {
  const device = await volumeWith(FAT16_BYTES);
  const content = { sizeBytes: 3000, read: () => Promise.reject(new Error('no more')) };
  await assert.rejects(replaceFatFile(device, 'b/vmlinuz', content, OPTIONS), /no more/);
  assert.equal(fingerprint(await filesOn(device)), fingerprint(FILES));
  await assertClean(device);
});

test('FatEditor refuses what is not its to change', async () => {
  const device = await volumeWith(FAT16_BYTES);
  const refused: [object, (editor: FatEditor) => Promise<void>][] = [
    [
      { name: 'RangeError', message: /"a\/vmlinuz" .* it lies outside "b"/ },
      (editor) => editor.replaceFile('a/vmlinuz', source('x')),
    ],
    [{ message: /it lies outside "b"/ }, (editor) => editor.remove('loader/loader.conf')],
    [{ message: /it lies outside "b"/ }, (editor) => editor.makeDirectory('c')],
    [{ message: /it is the zone itself/ }, (editor) => editor.remove('b', { recursive: true })],
    [{ code: 'ENOENT' }, (editor) => editor.replaceFile('b/missing/file', source('x'))],
    [{ code: 'ENOENT' }, (editor) => editor.remove('b/missing')],
    [{ code: 'ENOTDIR' }, (editor) => editor.replaceFile('b/vmlinuz/file', source('x'))],
    [{ code: 'ENOTDIR' }, (editor) => editor.makeDirectory('b/vmlinuz/x')],
    [{ code: 'EISDIR' }, (editor) => editor.replaceFile('b/overlays', source('x'))],
    [{ code: 'ENOTEMPTY' }, (editor) => editor.remove('b/overlays')],
    [{ name: 'TypeError' }, (editor) => editor.replaceFile('b/a:b', source('x'))],
    [{ name: 'TypeError' }, (editor) => editor.replaceFile('b/..', source('x'))],
    [
      { name: 'RangeError', message: /a file has at most 4294967295 bytes/ },
      (editor) => editor.replaceFile('b/x', { sizeBytes: 2 ** 32, read: async () => new Uint8Array() }),
    ],
  ];
  for (const [error, act] of refused) {
    const editor = await openFatEditor(device, OPTIONS);
    await assert.rejects(act(editor), error);
  }
  assert.deepEqual(device.log, []);
});

test('FatEditor refuses a volume that was not laid out for zones, unless told otherwise', async () => {
  // One zone less than there should be: "b" is among the other files.
  const device = await volumeWith(FAT16_BYTES, FILES, ['a']);
  const change = (whenShared: 'refuse' | 'proceed') =>
    replaceFatFile(device, 'b/vmlinuz', source('new'), { ...OPTIONS, whenShared });
  await assert.rejects(change('refuse'), (error: unknown) => {
    assert.ok(error instanceof FatSharedError);
    assert.match(
      error.message,
      /^Cannot change "b\/vmlinuz" on the FAT volume without rewriting what others need: cluster \d+ shares/,
    );
    return true;
  });
  await assert.rejects(removeFatFile(device, 'b/vmlinuz', OPTIONS), FatSharedError);
  await assert.rejects(emptyFatZone(device, OPTIONS), FatSharedError);
  assert.deepEqual(device.log, []);
  assert.deepEqual(await change('proceed'), { keptApart: false });
  assert.equal(fingerprint(await filesOn(device)), fingerprint({ ...FILES, 'b/vmlinuz': bytesOf('new') }));
  await assertClean(device);
  assert.deepEqual(await emptyFatZone(device, { ...OPTIONS, whenShared: 'proceed' }), { keptApart: false });
  await assertClean(device);
});

test('makeFatDirectory makes a missing zone only when told that the root directory may be rewritten', async () => {
  const { 'b/vmlinuz': _vmlinuz, 'b/overlays/first.dtbo': _first, ...files } = FILES;
  const device = await volumeWith(FAT16_BYTES, files, ['a']);
  await assert.rejects(makeFatDirectory(device, 'b', OPTIONS), /its entry is in the root directory/);
  await assert.rejects(emptyFatZone(device, OPTIONS), { code: 'ENOENT' });
  const made = await makeFatDirectory(device, 'b', { ...OPTIONS, whenShared: 'proceed' });
  assert.deepEqual(made, { keptApart: false });
  // From now on it is apart: its cluster came from a granule that nobody had.
  assert.deepEqual(await replaceFatFile(device, 'b/vmlinuz', source('k'), OPTIONS), { keptApart: true });
  await assertClean(device);
});

test('emptyFatZone works when the zone is damaged, and refuses when others are', async () => {
  for (const size of SIZES) {
    const device = await volumeWith(size);
    const { geometry } = await openFat(device);
    const volume = await openFat(device);
    const cluster = async (path: string): Promise<number> => {
      const [extent] = await volume.extents(path);
      return (extent!.offsetBytes - geometry.dataOffsetBytes) / geometry.clusterBytes + 2;
    };
    const poke = (first: number, value: number): void => {
      const bytes = new Uint8Array(4);
      new DataView(bytes.buffer).setUint32(0, value, true);
      const width = fatEntryBytes(geometry);
      device.poke(geometry.fatOffsetBytes + first * width, bytes.subarray(0, width));
    };
    poke((await cluster('b/vmlinuz')) + 1, await cluster('b/vmlinuz'));
    await assert.rejects(openFatEditor(device, OPTIONS), SyntaxError);
    await emptyFatZone(device, OPTIONS);
    await assertClean(device);
    await replaceFatFile(device, 'b/vmlinuz', source('new'), OPTIONS);
    poke((await cluster('a/vmlinuz')) + 1, 0);
    await assert.rejects(emptyFatZone(device, OPTIONS), { name: 'SyntaxError', message: /have no end/ });
  }
});

test('FatEditor makes copies of the FAT equal again, where the zone may write', async () => {
  const device = await volumeWith(FAT32_BYTES);
  const { geometry } = await openFat(device);
  const secondCopy = geometry.fatOffsetBytes + geometry.fatBytes;
  // Two clusters that nobody has: the first is in the FAT sector of the root directory, the other in one of its own.
  const [shared, apart] = [100, 100_000];
  for (const cluster of [shared, apart]) device.poke(secondCopy + cluster * 4, Uint8Array.of(1, 2, 3, 4));
  await replaceFatFile(device, 'b/vmlinuz', source('x'), OPTIONS);
  assert.deepEqual(await device.read(secondCopy + apart * 4, 4), new Uint8Array(4));
  assert.deepEqual(await device.read(secondCopy + shared * 4, 4), Uint8Array.of(1, 2, 3, 4));
});

test('FatEditor leaves bad clusters alone', async () => {
  const device = await volumeWith(FAT16_BYTES);
  const { table, map } = await survey(device);
  const free: number[] = [];
  for (let cluster = 2; cluster < table.geometry.clusterCount + 2; cluster++) {
    if (table.get(cluster) === FREE && map.isApart(cluster)) free.push(cluster);
  }
  const bad = free[3]!;
  device.poke(table.geometry.fatOffsetBytes + bad * 2, Uint8Array.of(0xf7, 0xff));
  const editor = await openFatEditor(device, OPTIONS);
  await editor.replaceFile('b/big', source(new Uint8Array(editor.availableBytes)));
  assert.equal((await survey(device)).table.get(bad), BAD_CLUSTER);
});

test('FatEditor makes FSInfo say "unknown" where another system had counted', async () => {
  const device = await volumeWith(FAT32_BYTES);
  const offset = (await openFat(device)).geometry.fsInfoOffsetBytes!;
  const unknown = await device.read(offset, 512);
  device.poke(offset + 488, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  await replaceFatFile(device, 'b/vmlinuz', source('x'), OPTIONS);
  assert.deepEqual(await device.read(offset, 512), unknown);
  device.log.length = 0;
  await replaceFatFile(device, 'b/vmlinuz', source('y'), OPTIONS);
  assert.ok(!device.log.some((entry) => entry !== 'flush' && entry.sector === offset / 512));
});

test('FatEditor: hundreds of files cost few flushes, and few more when they are replaced', async () => {
  for (const size of SIZES) {
    const device = await volumeWith(size);
    const editor = await openFatEditor(device, OPTIONS);
    const paths = Array.from({ length: 300 }, (_, i) => `b/overlays/an-overlay-of-some-kind-${i}.dtbo`);
    const flushesOf = async (change: () => Promise<void>): Promise<number> => {
      device.log.length = 0;
      await change();
      await assertClean(device);
      return device.log.filter((entry) => entry === 'flush').length;
    };
    const files = paths.map((path) => ({ path, content: source(path) }));
    const others = paths.map((path) => ({ path, content: source(`${path} in another way`) }));
    // The directory grows by a cluster at a time.
    const { clusterBytes } = (await openFat(device)).geometry;
    const clusters = (300 * 4 * 32) / clusterBytes;
    assert.ok((await flushesOf(() => editor.replaceFiles(files))) < 2 * clusters + 6);
    assert.ok((await flushesOf(() => editor.replaceFiles(others))) < 6);
    assert.ok((await flushesOf(() => editor.removeFiles(paths))) < 6);
  }
});
