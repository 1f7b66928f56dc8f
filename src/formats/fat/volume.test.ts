import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import * as fc from 'fast-check';
import { SparseDevice } from '../../../test/support/formats/sparse-device.ts';
import { type ByteSource, sourceOfBytes } from '../byte-source.ts';
import { clusterOffset } from './boot-sector.ts';
import { openFatEditor } from './editor.ts';
import { type FatVolume, openFat } from './volume.ts';
import { writeFat } from './writer.ts';

const SIZE_BYTES = 3 * 2 ** 20;
const CLUSTER_BYTES = 512;
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

let device: SparseDevice;
let volume: FatVolume;

before(async () => {
  device = new SparseDevice(SIZE_BYTES);
  const files: Record<string, Uint8Array> = {
    'loader/loader.conf': bytesOf('default a.conf'),
    'loader/entries/a.conf': bytesOf('title a'),
    'large.bin': Uint8Array.from({ length: 5000 }, (_, i) => i * 7),
    'empty.txt': bytesOf(''),
  };
  await writeFat(device, {
    sizeBytes: SIZE_BYTES,
    hiddenSectors: 0,
    label: 'TEST',
    volumeId: 1,
    timestampSec: 1700000000,
    zones: [],
    files: Object.entries(files).map(([path, content]) => ({ path, content: sourceOfBytes(content) })),
  });
  volume = await openFat(device);
});

test('FatVolume finds files by either name, without regard to case', async () => {
  for (const path of ['loader/entries/a.conf', 'LOADER/Entries/A.CONF', 'loader/entries/A~1.CON']) {
    assert.deepEqual(await volume.readFile(path), bytesOf('title a'));
  }
  assert.equal((await volume.readFile('empty.txt')).length, 0);
});

test('FatVolume stat tells files from directories and says what is not there', async () => {
  assert.equal((await volume.stat('loader'))?.kind, 'directory');
  assert.equal((await volume.stat(''))?.kind, 'directory');
  assert.equal((await volume.stat('LARGE.BIN'))?.sizeBytes, 5000);
  assert.equal(await volume.stat('missing'), undefined);
  assert.equal(await volume.stat('missing/loader.conf'), undefined);
  assert.equal(await volume.stat('large.bin/x'), undefined);
});

test('FatVolume errors carry the code that Node has for the same thing', async () => {
  await assert.rejects(volume.readFile('missing'), {
    code: 'ENOENT',
    message: 'Cannot open "missing" on the FAT volume: it does not exist',
  });
  await assert.rejects(volume.readFile('x/y/z'), { code: 'ENOENT', message: /"x" does not exist/ });
  await assert.rejects(volume.readFile('loader'), { code: 'EISDIR' });
  await assert.rejects(volume.readFile('large.bin/x'), { code: 'ENOTDIR' });
  await assert.rejects(volume.list('large.bin'), { code: 'ENOTDIR' });
});

test('FatVolume openFile reads any part of a file, and nothing behind it', async () => {
  const file = await volume.openFile('large.bin');
  const whole = await volume.readFile('large.bin');
  for (const [offset, length] of [
    [0, 1],
    [511, 2],
    [4999, 1],
    [1000, 3000],
    [5000, 0],
  ] as const) {
    assert.deepEqual(await file.read(offset, length), whole.subarray(offset, offset + length));
  }
  await assert.rejects(file.read(4999, 2), RangeError);
  await assert.rejects(file.read(-1, 1), RangeError);
});

test('FatVolume extents say where the bytes are', async () => {
  const extents = await volume.extents('large.bin');
  assert.equal(extents.length, 1);
  const [{ offsetBytes, lengthBytes }] = extents as [{ offsetBytes: number; lengthBytes: number }];
  assert.deepEqual(await device.read(offsetBytes, lengthBytes), await volume.readFile('large.bin'));
});

/** Sets the FAT entry of a cluster, past every check. */
function pokeFat(target: SparseDevice, cluster: number, value: number): void {
  const entry = new Uint8Array(2);
  new DataView(entry.buffer).setUint16(0, value, true);
  target.poke(volume.geometry.fatOffsetBytes + cluster * 2, entry);
}

async function firstClusterOf(path: string): Promise<number> {
  const [extent] = await volume.extents(path);
  return (extent!.offsetBytes - volume.geometry.dataOffsetBytes) / CLUSTER_BYTES + 2;
}

test('readFile reports chains that end early or lead nowhere', async () => {
  const first = await firstClusterOf('large.bin');
  for (const [value, message] of [
    [0xffff, /"large.bin" ends before its size/],
    [0, /continues at cluster 0/],
    [0xfff7, /continues at cluster 268435447/],
    [65000, /continues at cluster 65000/],
  ] as const) {
    const damaged = device.clone();
    pokeFat(damaged, first + 2, value);
    await assert.rejects((await openFat(damaged)).readFile('large.bin'), { name: 'SyntaxError', message });
  }
});

test('a chain that loops ends with the size of the file, and the editor refuses it', async () => {
  const first = await firstClusterOf('large.bin');
  const damaged = device.clone();
  pokeFat(damaged, first + 2, first);
  assert.equal((await (await openFat(damaged)).readFile('large.bin')).length, 5000);
  await assert.rejects(openFatEditor(damaged, { zone: 'x', timestampSec: 0 }), {
    name: 'SyntaxError',
    message: `The FAT volume is damaged: cluster ${first} of "/large.bin" belongs to something else, too`,
  });
});

test('openFat reports a directory that loops or contains itself', async () => {
  // "loader" is the first cluster.
  const loop = device.clone();
  pokeFat(loop, 2, 2);
  await assert.rejects((await openFat(loop)).list('loader'), {
    name: 'SyntaxError',
    message: /directory "loader" has more entries than the format allows/,
  });
  const nested = device.clone();
  const bytes = await nested.read(clusterOffset(volume.geometry, 2), CLUSTER_BYTES);
  const entries = bytes.findIndex(
    (_, i) => i % 32 === 0 && new TextDecoder().decode(bytes.subarray(i, i + 7)) === 'ENTRIES',
  );
  nested.poke(clusterOffset(volume.geometry, 2) + entries + 26, Uint8Array.of(2, 0));
  const deep = await openFat(nested);
  assert.equal((await deep.list('loader/entries/entries/entries')).length, 2);
  await assert.rejects(openFatEditor(nested, { zone: 'x', timestampSec: 0 }), /belongs to something else/);
});

async function readEverything(source: ByteSource): Promise<void> {
  const opened = await openFat(source);
  const pending = [''];
  for (let count = 0; pending.length > 0 && count < 30; count++) {
    const path = pending.pop()!;
    for (const { name, kind } of await opened.list(path)) {
      const child = path === '' ? name : `${path}/${name}`;
      if (kind === 'directory') pending.push(child);
      else await opened.readFile(child);
    }
  }
}

test('openFat and the editor survive any damage: they work or throw a SyntaxError', async () => {
  const { fatOffsetBytes, rootOffsetBytes, dataOffsetBytes } = volume.geometry;
  const places = fc.oneof(
    fc.integer({ min: 0, max: 64 }),
    fc.integer({ min: fatOffsetBytes, max: fatOffsetBytes + 40 }),
    fc.integer({ min: rootOffsetBytes, max: rootOffsetBytes + 320 }),
    fc.integer({ min: dataOffsetBytes, max: dataOffsetBytes + 2048 }),
  );
  const damages = fc.array(fc.tuple(places, fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(damages, async (changes) => {
      const damaged = device.clone();
      for (const [offset, value] of changes) damaged.poke(offset, Uint8Array.of(value));
      for (const attempt of [
        () => readEverything(damaged),
        async () => {
          const editor = await openFatEditor(damaged, { zone: 'loader', timestampSec: 0 });
          await editor.replaceFile('loader/loader.conf', sourceOfBytes(bytesOf('new')));
        },
      ]) {
        try {
          await attempt();
        } catch (error) {
          // Missing or misnamed is one more way of being damaged.
          assert.ok(error instanceof Error && !(error instanceof TypeError), String(error));
          assert.ok(
            error instanceof SyntaxError || 'code' in error || /Cannot|FAT/.test(error.message),
            String(error),
          );
        }
      }
    }),
    { seed: 1, numRuns: 150 },
  );
});
