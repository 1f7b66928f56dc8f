import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { SparseDevice } from '../../../test/support/formats/sparse-device.ts';
import { sourceOfBytes } from '../byte-source.ts';
import { clusterOffset } from './boot-sector.ts';
import { FatSpaceError } from './layout.ts';
import { foldName } from './names.ts';
import { FatTable, readFatCopy } from './table.ts';
import { openFat } from './volume.ts';
import { type FatOptions, writeFat } from './writer.ts';
import { OWNER, surveyZones } from './zones.ts';

const MIB = 2 ** 20;

type Files = Record<string, string | Uint8Array>;

function optionsFor(sizeBytes: number, files: Files, more: Partial<FatOptions> = {}): FatOptions {
  return {
    sizeBytes,
    hiddenSectors: 8192,
    label: 'TEST',
    volumeId: 1,
    timestampSec: 1700000000,
    zones: ['a', 'b'],
    files: Object.entries(files).map(([path, content]) => ({
      path,
      content: sourceOfBytes(typeof content === 'string' ? new TextEncoder().encode(content) : content),
    })),
    ...more,
  };
}

async function write(sizeBytes: number, files: Files, more: Partial<FatOptions> = {}): Promise<SparseDevice> {
  const device = new SparseDevice(sizeBytes);
  await writeFat(device, optionsFor(sizeBytes, files, more));
  return device;
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

const segments = fc
  .string({ unit: fc.constantFrom(...'abcXYZ019-_é→ .'.split('')), minLength: 1, maxLength: 20 })
  .filter((name) => !/^ |[. ]$/.test(name));
const trees = fc.dictionary(
  fc.array(segments, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
  fc.uint8Array({ maxLength: 3000 }),
  { maxKeys: 20 },
);

/** Leaves out names that mean the same file, or a file and a directory. */
function withoutConflicts(files: Files): Files {
  const taken = new Map<string, string>();
  return Object.fromEntries(
    Object.entries(files).filter(([path]) => {
      const parts = foldName(path).split('/');
      const above = parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'));
      const clash = taken.has(parts.join('/')) || above.some((directory) => taken.get(directory) === 'file');
      if (clash || foldName(path) === 'A' || foldName(path) === 'B') return false;
      taken.set(parts.join('/'), 'file');
      for (const directory of above) taken.set(directory, 'directory');
      return true;
    }),
  );
}

test('openFat reads what writeFat writes, with both kinds of FAT', async () => {
  await fc.assert(
    fc.asyncProperty(
      trees.map(withoutConflicts),
      fc.constantFrom(6 * MIB, 256 * MIB),
      async (files, size) => {
        const volume = await openFat(await write(size, files));
        for (const [path, content] of Object.entries(files)) {
          assert.deepEqual(await volume.readFile(path), content);
          assert.deepEqual(await volume.readFile(path.toUpperCase().replaceAll('É', 'é')), content);
          const name = path.split('/').at(-1)!;
          assert.deepEqual(await volume.stat(path), {
            name,
            kind: 'file',
            sizeBytes: content.length,
            modifiedSec: 1700000000,
          });
        }
      },
    ),
    { seed: 1, numRuns: 15 },
  );
});

test('writeFat keeps zones apart from each other and everything else', async () => {
  await fc.assert(
    fc.asyncProperty(trees.map(withoutConflicts), fc.constantFrom(6 * MIB, 256 * MIB), async (tree, size) => {
      const files: Files = { 'x/y.txt': 'y', 'root.txt': 'r' };
      for (const [path, content] of Object.entries(tree))
        files[`${path.length % 2 ? 'a' : 'b'}/${path}`] = content;
      const device = await write(size, files);
      const { geometry } = await openFat(device);
      const table = new FatTable(geometry, await readFatCopy(device, geometry));
      const perSector = geometry.type === 'fat16' ? 256 : 128;
      const owners = new Map<number, string>([[0, 'the volume']]);
      for (const zone of ['A', 'B']) {
        const map = await surveyZones(device, table, (entry) => foldName(entry.name) === zone, false);
        for (let cluster = 2; cluster < geometry.clusterCount + 2; cluster++) {
          if (map.owner(cluster) !== OWNER.zone) continue;
          const sector = Math.floor(cluster / perSector);
          assert.equal(owners.get(sector) ?? zone, zone);
          owners.set(sector, zone);
          // Also where a medium rewrites 4096 bytes at once.
          assert.ok(map.isApart(cluster));
        }
      }
      assert.equal(geometry.fatOffsetBytes % 4096, 0);
      assert.equal(clusterOffset(geometry, 2) % 4096, 0);
    }),
    { seed: 2, numRuns: 10 },
  );
});

test('writeFat gives the same bytes for the same files in another order, over any old content', async () => {
  const files = { 'a/one': '1', 'two.txt': '2', 'x/three': '3', 'gokrazy.conf': '4', 'gokrazz.conf': '5' };
  const first = await write(6 * MIB, files);
  const second = new SparseDevice(6 * MIB);
  const options = optionsFor(6 * MIB, files, { directories: ['x', 'x'] });
  await writeFat(second, { ...options, files: options.files.toReversed() });
  const bytes = await first.read(0, 6 * MIB);
  assert.deepEqual(await second.read(0, 6 * MIB), bytes);

  const dirty = new SparseDevice(6 * MIB);
  dirty.poke(0, new Uint8Array(6 * MIB).fill(0xa5));
  const layout = await writeFat(dirty, options);
  const volume = await openFat(dirty);
  assert.equal(volume.freeBytes, layout.freeBytes);
  for (const [path, content] of Object.entries(files)) {
    assert.equal(new TextDecoder().decode(await volume.readFile(path)), content);
  }
  // Only free clusters may keep what was there.
  const after = await dirty.read(0, 6 * MIB);
  const used = volume.geometry.dataOffsetBytes;
  assert.deepEqual(after.subarray(0, used), bytes.subarray(0, used));
});

test("writeFat fills the rest of a file's cluster with zeros, as gokrazy's boot loader needs", async () => {
  const device = new SparseDevice(6 * MIB);
  device.poke(0, new Uint8Array(6 * MIB).fill(0xa5));
  const layout = await writeFat(device, optionsFor(6 * MIB, { 'cmdline.txt': 'console=tty1' }));
  const offset = layout.fileOffsets.get('cmdline.txt')!;
  const sector = await device.read(offset, 512);
  assert.deepEqual(sector.subarray(0, 12), bytesOf('console=tty1'));
  assert.ok(sector.subarray(12).every((byte) => byte === 0));
});

test("writeFat gives short names that gokrazy's programs look for", async () => {
  const device = await write(6 * MIB, { 'loader/entries/gokrazy.conf': 'x', 'config.txt': 'y' });
  const volume = await openFat(device);
  assert.deepEqual(await volume.readFile('LOADER/ENTRIES/GOKRAZ~1.CON'), bytesOf('x'));
  assert.deepEqual(
    (await volume.list('')).map((entry) => entry.name),
    ['config.txt', 'a', 'b', 'loader'],
  );
});

test('writeFat says by how many bytes the files are too large, and writes nothing', async () => {
  const device = new SparseDevice(6 * MIB);
  const fitting = await writeFat(device, optionsFor(6 * MIB, {}));
  const granuleWaste = fitting.clusterCount * 512 - fitting.freeBytes;
  const log = device.log.length;
  // Everything outside the zones precedes them, so each byte too many pushes them out.
  const content = { sizeBytes: 6 * MIB, read: () => Promise.reject(new Error('must not be read')) };
  await assert.rejects(
    writeFat(device, { ...optionsFor(6 * MIB, {}), files: [{ path: 'big', content }] }),
    (error: unknown) => {
      assert.ok(error instanceof FatSpaceError && error instanceof RangeError);
      assert.match(error.message, new RegExp(`they are ${error.excessBytes} bytes too large`));
      assert.ok(error.excessBytes > 0 && error.excessBytes < 3 * MIB && granuleWaste > 0);
      return true;
    },
  );
  assert.equal(device.log.length, log);
});

test('writeFat leaves no volume behind when it is cut short', async () => {
  const whole = await write(6 * MIB, { 'a/x': 'x', y: 'y' });
  const cut = await write(6 * MIB, { 'old.txt': 'old' });
  for (const entry of whole.log.slice(0, -1)) {
    if (entry !== 'flush') cut.replay(entry);
    await assert.rejects(openFat(cut), /signature 55 aa/);
  }
});

test('writeFat refuses names and paths that cannot be', async () => {
  const refused: [RegExp, Files, Partial<FatOptions>?][] = [
    [/one name on FAT/, { 'x/A.txt': '', 'x/a.TXT': '' }],
    [/cannot be both a file and a directory/, { x: '', 'x/y': '' }],
    [/one name on FAT/, { 'x/y': '', x: '' }],
    [/it is not a file name/, { '/x': '' }],
    [/it is not a file name/, { 'x//y': '' }],
    [/it is not a file name/, { 'x/../y': '' }],
    [/it is not a file name/, { 'x/': '' }],
    [/the character ":" is not allowed/, { 'x:y': '' }],
    [/not a top-level directory/, {}, { zones: ['a/b'] }],
    [/named twice/, {}, { zones: ['a', 'A'] }],
    [/one name on FAT/, { A: '' }],
  ];
  for (const [message, files, more] of refused) {
    await assert.rejects(write(6 * MIB, files, more), { name: 'TypeError', message }, JSON.stringify(files));
  }
  const content = { sizeBytes: 2 ** 32, read: () => Promise.reject(new Error('must not be read')) };
  await assert.rejects(
    writeFat(new SparseDevice(6 * MIB), { ...optionsFor(6 * MIB, {}), files: [{ path: 'x', content }] }),
    /"x" has 4294967296 bytes/,
  );
});

test("writeFat holds thousands of files in one directory, also in FAT16's root", async () => {
  const files = Object.fromEntries(
    Array.from({ length: 700 }, (_, i): [string, string] => [`some long file name ${i}`, String(i)]),
  );
  const inRoot = await openFat(await write(6 * MIB, files, { zones: [] }));
  assert.equal((await inRoot.list('')).length, 700);
  const below = Object.fromEntries(Object.entries(files).map(([path, text]) => [`a/${path}`, text]));
  const volume = await openFat(await write(256 * MIB, below));
  assert.deepEqual(await volume.readFile('a/some long file name 699'), bytesOf('699'));
});
