// Our FAT volumes read and checked by dosfstools and mtools, and theirs read and edited by us.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import type { ByteDevice } from '../../src/formats/byte-source.ts';
import { emptyFatZone, openFatEditor } from '../../src/formats/fat/editor.ts';
import { openFat } from '../../src/formats/fat/volume.ts';
import { writeFatFileInPlace } from '../../src/formats/fat/write-in-place.ts';
import { writeFat } from '../../src/formats/fat/writer.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { makeFatDirectory, removeFatFile, replaceFatFile } from '../support/formats/fat-change.ts';
import {
  assertMended,
  assertOldOrNew,
  recordEdit,
  SCENARIOS,
  segmentsOf,
} from '../support/formats/fat-power-cut.ts';
import {
  bytesOf,
  FAT32_BYTES,
  type Files,
  filesOn,
  filled,
  fingerprint,
  source,
} from '../support/formats/fat-volume.ts';
import { requireTool } from '../support/require-tool.ts';
import type { SparseDevice } from '../support/formats/sparse-device.ts';

const run = promisify(execFile);
const MIB = 2 ** 20;
// mtools shows names in the character set of the locale, and asks nothing.
const ENVIRONMENT = { ...process.env, LC_ALL: 'C.UTF-8', MTOOLS_SKIP_CHECK: '1', TZ: 'UTC' };

async function temporaryDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-fat-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

async function mtools(tool: string, ...args: string[]): Promise<string> {
  return (await run(tool, args, { env: ENVIRONMENT })).stdout;
}

/** fsck.fat exits with 0 and has nothing to say but that FSInfo does not know the number of free clusters. */
async function assertFsckClean(fsck: string, path: string): Promise<void> {
  const { stdout, stderr } = await run(fsck, ['-n', path]).catch((error: unknown) => {
    throw new Error(`fsck.fat complains: ${String((error as { stdout?: unknown }).stdout)}`, {
      cause: error,
    });
  });
  const complaints = `${stdout}${stderr}`
    .split('\n')
    .filter((line) => !/^fsck\.fat |^Free cluster summary uninitialized|: \d+ files, |^$/.test(line));
  assert.deepEqual(complaints, []);
}

/** A tree that has what real ones have and what is hard. */
const TREE: Files = {
  'EFI/BOOT/BOOTX64.EFI': filled(140_891, 1),
  'loader/loader.conf': bytesOf('default a.conf  \ntimeout 0\n'),
  'loader/entries/a.conf': bytesOf('title a\n'),
  'loader/entries/gokrazy.conf': bytesOf('title gokrazy\n'),
  'a/vmlinuz': filled(3 * MIB + 17, 2),
  'a/manifest.json': bytesOf('{}'),
  'a/overlays/vc4-kms-v3d-pi4.dtbo': filled(4000, 3),
  'b/Ünïcode → 日本.txt': bytesOf('names'),
  'b/with  two spaces': bytesOf('spaces'),
  'b/.hidden': bytesOf('dot'),
  'b/a+b,c;d=e[f]': bytesOf('signs'),
  [`b/${'long '.repeat(50)}name`]: bytesOf('255 units'),
  'UPPER.TXT': bytesOf('upper'),
  'Mixed.Txt': bytesOf('mixed'),
  'lower.txt': bytesOf('lower'),
  empty: bytesOf(''),
  'one-cluster': filled(2048, 4),
};

async function writeTree(path: string, sizeBytes: number, files = TREE): Promise<FileDevice> {
  const device = await FileDevice.create(path, sizeBytes);
  await writeFat(device, {
    sizeBytes,
    hiddenSectors: 8192,
    label: 'TSKRAZY',
    volumeId: 0x4f9f2cab,
    timestampSec: Date.UTC(2026, 10, 23, 12, 34, 56) / 1000,
    zones: ['a', 'b'],
    directories: ['empty directory/below'],
    files: Object.entries(files).map(([name, content]) => ({ path: name, content: source(content) })),
  });
  return device;
}

async function filesBelow(directory: string): Promise<Files> {
  const files: Files = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files[path.slice(directory.length + 1)] = new Uint8Array(await readFile(path));
  }
  return files;
}

/** Everything on the volume as mcopy gets it out. */
async function extract(image: string, directory: string): Promise<Files> {
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory);
  await mtools('mcopy', '-s', '-n', '-i', image, '::/', directory);
  return filesBelow(directory);
}

for (const [kind, sizeBytes] of [
  ['FAT16 of 5 MiB', 5 * MIB],
  ['FAT16 of 31 MiB', 31 * MIB],
  ['FAT16 of 100 MiB', 100 * MIB],
  ['FAT16 of almost 256 MiB', 256 * MIB - 512],
  ['FAT32 of 256 MiB', 256 * MIB],
  ['FAT32 of 9 GiB', 9 * 1024 * MIB],
] as const) {
  test(`fsck.fat and mtools accept our ${kind}`, async (t) => {
    const fsck = requireTool(t, 'fsck.fat');
    if (!fsck || !requireTool(t, 'mcopy')) return;
    const directory = await temporaryDirectory(t);
    const image = join(directory, 'fat.img');
    // The smallest one has no room for a kernel and three granules.
    const { 'a/vmlinuz': _vmlinuz, ...small } = TREE;
    const files = sizeBytes < 16 * MIB ? small : TREE;
    await (await writeTree(image, sizeBytes, files)).close();
    await assertFsckClean(fsck, image);
    assert.equal(fingerprint(await extract(image, join(directory, 'out'))), fingerprint(files));
    const listing = await mtools('mdir', '-i', image, '::/', '::/loader/entries');
    assert.match(listing, /Volume in drive : is TSKRAZY/);
    assert.match(listing, /Volume Serial Number is 4F9F-2CAB/);
    assert.match(listing, /GOKRAZ~1 CON +14 2026-11-23 +12:34 +gokrazy\.conf/);
    assert.match(listing, /UPPER +TXT +5 2026-11-23 +12:34 *$/m);
    assert.match(listing, /LOWER +TXT +5 2026-11-23 +12:34 +lower\.txt/);
  });
}

test('fsck.fat compares the backup boot sector of our FAT32', async (t) => {
  const fsck = requireTool(t, 'fsck.fat');
  if (!fsck) return;
  const image = join(await temporaryDirectory(t), 'fat.img');
  const device = await writeTree(image, FAT32_BYTES);
  t.after(() => device.close());
  const boot = await device.read(0, 512);
  assert.deepEqual(await device.read(6 * 512, 512), boot);
  await device.write(6 * 512 + 100, bytesOf('X'));
  const { stdout } = await run(fsck, ['-n', image]).catch((error: { stdout: string }) => error);
  assert.match(stdout, /differences between boot sector and its backup/);
});

for (const sizeBytes of [100 * MIB, FAT32_BYTES]) {
  test(`fsck.fat and mtools accept our volume of ${sizeBytes / MIB} MiB after each edit`, async (t) => {
    const fsck = requireTool(t, 'fsck.fat');
    if (!fsck || !requireTool(t, 'mcopy')) return;
    const directory = await temporaryDirectory(t);
    const image = join(directory, 'fat.img');
    const device = await writeTree(image, sizeBytes);
    t.after(() => device.close());
    const options = { zone: 'b', timestampSec: 1_800_000_000 };
    const files = { ...TREE };
    const edits: [() => Promise<unknown>, Record<string, Uint8Array | null>][] = [
      [
        () => replaceFatFile(device, 'b/vmlinuz', source(filled(9 * MIB, 5)), options),
        { 'b/vmlinuz': filled(9 * MIB, 5) },
      ],
      [
        () => replaceFatFile(device, 'b/vmlinuz', source(filled(8 * MIB, 6)), options),
        { 'b/vmlinuz': filled(8 * MIB, 6) },
      ],
      [() => replaceFatFile(device, 'b/.hidden', source(''), options), { 'b/.hidden': bytesOf('') }],
      [() => removeFatFile(device, 'b/with  two spaces', options), { 'b/with  two spaces': null }],
      [() => makeFatDirectory(device, 'b/overlays/deep', options), {}],
      [
        () => replaceFatFile(device, 'b/overlays/deep/ß → x', source('y'), options),
        { 'b/overlays/deep/ß → x': bytesOf('y') },
      ],
      [
        () => removeFatFile(device, 'b/overlays', { ...options, recursive: true }),
        { 'b/overlays/deep/ß → x': null },
      ],
      [
        () =>
          writeFatFileInPlace(device, 'loader/loader.conf', bytesOf('default b.conf  \ntimeout 0\n'), {
            atomic: true,
          }),
        { 'loader/loader.conf': bytesOf('default b.conf  \ntimeout 0\n') },
      ],
      [
        () => emptyFatZone(device, { zone: 'a', timestampSec: 1_800_000_000 }),
        { 'a/vmlinuz': null, 'a/manifest.json': null, 'a/overlays/vc4-kms-v3d-pi4.dtbo': null },
      ],
    ];
    for (const [edit, changes] of edits) {
      await edit();
      for (const [path, content] of Object.entries(changes)) {
        if (content === null) delete files[path];
        else files[path] = content;
      }
      await assertFsckClean(fsck, image);
    }
    assert.equal(fingerprint(await extract(image, join(directory, 'out'))), fingerprint(files));
  });
}

test('fsck.fat and mtools accept a directory that we have grown to hundreds of files and thinned out', async (t) => {
  const fsck = requireTool(t, 'fsck.fat');
  if (!fsck || !requireTool(t, 'mcopy')) return;
  const directory = await temporaryDirectory(t);
  const image = join(directory, 'fat.img');
  const device = await writeTree(image, FAT32_BYTES, {});
  t.after(() => device.close());
  const editor = await openFatEditor(device, { zone: 'b', timestampSec: 0 });
  await editor.makeDirectory('b/overlays');
  const files: Files = {};
  for (let i = 0; i < 400; i++) {
    const path = `b/overlays/${'overlay-'.repeat(1 + (i % 20))}${i}.dtbo`;
    files[path] = filled(i * 13, i);
    await editor.replaceFile(path, source(files[path]));
    if (i % 3 !== 0) continue;
    const victim = Object.keys(files)[i % Object.keys(files).length]!;
    await editor.remove(victim);
    delete files[victim];
  }
  await editor.flush();
  await assertFsckClean(fsck, image);
  assert.equal(fingerprint(await extract(image, join(directory, 'out'))), fingerprint(files));
});

for (const args of [
  ['-F', '16', '-s', '4'],
  ['-F', '16', '-f', '1'],
  ['-F', '16', '-a', '-r', '112'],
  ['-F', '16', '-S', '1024'],
  ['-F', '16', '-S', '4096', '-s', '1'],
  ['-F', '32', '-s', '1'],
  ['-F', '32', '-s', '1', '-f', '1', '-R', '40'],
  ['-F', '32', '-S', '4096', '-s', '1'],
]) {
  test(`we read and edit what mkfs.fat ${args.join(' ')} and mcopy have made`, async (t) => {
    const [mkfs, fsck] = [requireTool(t, 'mkfs.fat'), requireTool(t, 'fsck.fat')];
    if (!mkfs || !fsck || !requireTool(t, 'mcopy')) return;
    const directory = await temporaryDirectory(t);
    const image = join(directory, 'fat.img');
    const sizeBytes = args[1] === '32' && args[3] === '4096' ? 300 * MIB : 64 * MIB;
    await (await FileDevice.create(image, sizeBytes)).close();
    await run(mkfs, [...args, '-n', 'THEIRS', image]);
    const tree = join(directory, 'tree');
    // mtools has its own mind about characters such as these.
    const files = Object.fromEntries(Object.entries(TREE).filter(([path]) => !path.includes('+')));
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true });
      await writeFile(join(tree, path), content);
    }
    const names = await readdir(tree);
    await mtools('mcopy', '-s', '-i', image, ...names.map((name) => join(tree, name)), '::/');

    const device = await FileDevice.open(image, 'r+');
    t.after(() => device.close());
    assert.equal(fingerprint(await filesOn(device)), fingerprint(files));
    const options = { zone: 'b', timestampSec: 1_800_000_000 };
    const content = filled(5 * MIB, 9);
    // "b" is among the others there, and that is said instead of done.
    await assert.rejects(replaceFatFile(device, 'b/.hidden', source(content), options), {
      message: /^Cannot change "b\/\.hidden" on the FAT volume without rewriting what others need/,
    });
    assert.equal(fingerprint(await filesOn(device)), fingerprint(files));
    const proceed = { ...options, whenShared: 'proceed' } as const;
    assert.deepEqual(await replaceFatFile(device, 'b/.hidden', source(content), proceed), {
      keptApart: false,
    });
    await makeFatDirectory(device, 'b/new/directory', proceed);
    await replaceFatFile(device, 'b/new/directory/file', source('x'), proceed);
    await makeFatDirectory(device, 'c', { ...proceed, zone: 'c' });
    await replaceFatFile(device, 'c/kernel', source(content), { ...options, zone: 'c' });
    await assertFsckClean(fsck, image);
    const expected = {
      ...files,
      'b/.hidden': content,
      'b/new/directory/file': bytesOf('x'),
      'c/kernel': content,
    };
    assert.equal(fingerprint(await extract(image, join(directory, 'out'))), fingerprint(expected));
  });
}

test('we refuse the FAT12 of mkfs.fat by its name', async (t) => {
  const mkfs = requireTool(t, 'mkfs.fat');
  if (!mkfs) return;
  const image = join(await temporaryDirectory(t), 'fat.img');
  await (await FileDevice.create(image, 4 * MIB)).close();
  await run(mkfs, ['-F', '12', image]);
  const device = await FileDevice.open(image, 'r');
  t.after(() => device.close());
  await assert.rejects(openFat(device), { name: 'SyntaxError', message: /it is FAT12 \(\d+ clusters\)/ });
});

async function saveTo(path: string, disk: SparseDevice): Promise<void> {
  await rm(path, { force: true });
  const file: ByteDevice & { close(): Promise<void> } = await FileDevice.create(path, disk.sizeBytes);
  for (const { offsetBytes, bytes } of disk.written()) await file.write(offsetBytes, bytes);
  await file.close();
}

for (const scenario of SCENARIOS) {
  test(`a power cut while we ${scenario.name} on FAT32 is mended so that fsck.fat finds nothing`, async (t) => {
    const fsck = requireTool(t, 'fsck.fat');
    if (!fsck) return;
    const image = join(await temporaryDirectory(t), 'fat.img');
    const recorded = await recordEdit(FAT32_BYTES, scenario);
    const disk = recorded.before.clone();
    for (const segment of segmentsOf(recorded.log)) {
      for (const write of segment) {
        disk.replay(write);
        await assertOldOrNew(disk, recorded);
      }
      // Between the two copies of the FAT, too.
      const half = disk.clone();
      const last = segment.at(-1)!;
      half.poke(last.sector * 512, await recorded.before.read(last.sector * 512, 512));
      await assertOldOrNew(half, recorded);
      await assertMended(half, recorded);
      await saveTo(image, await assertMended(disk, recorded));
      await assertFsckClean(fsck, image);
    }
  });
}
