// Our squashfs images read by unsquashfs, and those of mksquashfs read by us.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  link,
  lstat,
  lutimes,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  symlink as makeSymlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import type { ByteSource } from '../../src/formats/byte-source.ts';
import { openSquashfs } from '../../src/formats/squashfs/reader.ts';
import type { SquashfsEntry } from '../../src/formats/squashfs/writer.ts';
import { requireTool } from '../support/require-tool.ts';
import { readDamaged } from '../support/formats/squashfs-damage.ts';
import {
  directory,
  file,
  imageInFile,
  MTIME_SEC,
  sampleBytes,
  symlink,
} from '../support/formats/squashfs-image.ts';

const run = promisify(execFile);
const MAX_LISTING_BYTES = 64 * 1024 * 1024;

async function temporaryDirectory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tsk-squashfs-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A source over an open file, closed when the test ends. */
async function sourceOfFile(t: TestContext, path: string): Promise<ByteSource> {
  const handle = await open(path);
  t.after(() => handle.close());
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    async read(offsetBytes, lengthBytes) {
      const { bytesRead, buffer } = await handle.read(Buffer.alloc(lengthBytes), 0, lengthBytes, offsetBytes);
      if (bytesRead !== lengthBytes)
        throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}`);
      return buffer;
    },
  };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Path -> one line with all that unsquashfs can tell and a user may set. */
type Description = Map<string, string>;

async function describeEntries(entries: readonly SquashfsEntry[]): Promise<Description> {
  const lines = new Map<string, string>();
  for (const entry of entries) {
    const { path, kind, mode, uid, gid, mtimeSec } = entry;
    const base = `${kind} ${mode.toString(8)} ${uid}/${gid} ${mtimeSec}`;
    if (kind === 'file') {
      const content = await entry.content.read(0, entry.content.sizeBytes);
      lines.set(path, `${base} ${content.length} ${sha256(content)}`);
    } else if (kind === 'symlink') lines.set(path, `${base} -> ${entry.target}`);
    else if (kind === 'directory') lines.set(path, base);
    else lines.set(path, `${base} ${entry.major},${entry.minor}`);
  }
  return lines;
}

/** What is below `top` on disk. Owners are read from the disk only where the user may set them. */
async function describeDisk(top: string): Promise<Description> {
  const lines: Description = new Map();
  const visit = async (path: string): Promise<void> => {
    const onDisk = join(top, path);
    const stat = await lstat(onDisk);
    const base = `${(stat.mode & 0o7777).toString(8)} ${stat.uid}/${stat.gid} ${Math.floor(stat.mtimeMs / 1000)}`;
    if (stat.isDirectory()) {
      lines.set(path, `directory ${base}`);
      for (const name of await readdir(onDisk)) await visit(join(path, name));
    } else if (stat.isSymbolicLink()) lines.set(path, `symlink ${base} -> ${await readlink(onDisk)}`);
    else lines.set(path, `file ${base} ${stat.size} ${sha256(await readFile(onDisk))}`);
  };
  await visit('/');
  return lines;
}

async function describeImage(source: ByteSource): Promise<Description> {
  const reader = await openSquashfs(source);
  const lines: Description = new Map();
  for await (const stat of reader.entries()) {
    const { path, kind, mode, uid, gid, mtimeSec } = stat;
    const base = `${kind} ${mode.toString(8)} ${uid}/${gid} ${mtimeSec}`;
    if (kind === 'file') {
      const content = await reader.readFile(stat);
      lines.set(path, `${base} ${stat.sizeBytes} ${sha256(content)}`);
    } else if (kind === 'symlink') lines.set(path, `${base} -> ${stat.target}`);
    else lines.set(path, base);
  }
  return lines;
}

function exampleTree(): SquashfsEntry[] {
  const holes = sampleBytes(900_000);
  holes.subarray(131_072, 600_000).fill(0);
  return [
    directory('/', { mode: 0o755, mtimeSec: MTIME_SEC + 1 }),
    directory('/bin', { mtimeSec: MTIME_SEC + 2 }),
    directory('/tmp', { mode: 0o1777 }),
    directory('/tmp/a', { mode: 0o700, uid: 1000, gid: 100 }),
    directory('/tmp/a/b c'),
    file('/bin/large', sampleBytes(700_001), { mode: 0o4755, layer: 'runtime' }),
    file('/bin/exact', sampleBytes(262_144, 3), { mode: 0o755, layer: 'runtime' }),
    file('/bin/twin', sampleBytes(262_144, 3), { mode: 0o600, uid: 3, layer: 'app:a' }),
    file('/bin/holes', holes, { layer: 'app:a' }),
    file('/bin/zeros', Buffer.alloc(400_000), { layer: 'app:a', mtimeSec: 1 }),
    file('/empty', '', { mode: 0 }),
    file('/tmp/a/b c/ümlaut \u{1f600}', 'text', { mtimeSec: 2 ** 31 - 1 }),
    file(`/${'n'.repeat(255)}`, 'long name'),
    symlink('/link', '../some/where'),
    symlink('/long-link', 't'.repeat(4000)),
    ...Array.from({ length: 700 }, (_, i) =>
      file(`/tmp/a/small-${i}`, sampleBytes((i * 61) % 3000, i), {
        layer: `app:${i % 3}`,
        uid: i,
        gid: i % 7,
      }),
    ),
  ];
}

test('unsquashfs extracts from our image what was put into it', async (t) => {
  // What it extracts for others has neither the owners nor all the modes of the image.
  if (process.getuid?.() !== 0) return t.skip('only root can give files away');
  const unsquashfs = requireTool(t, 'unsquashfs');
  if (unsquashfs === undefined) return;
  const top = await temporaryDirectory(t);
  const entries = exampleTree();
  for (const blockSizeBytes of [4096, 131_072, 1024 * 1024]) {
    const image = join(top, `${blockSizeBytes}.img`);
    const extracted = join(top, `${blockSizeBytes}`);
    await imageInFile(image, entries, { blockSizeBytes });
    const output: { stderr: string } = await run(unsquashfs, [
      '-no-progress',
      '-strict-errors',
      '-d',
      extracted,
      image,
    ]);
    assert.equal(output.stderr, '');
    assert.deepEqual(await describeDisk(extracted), await describeEntries(entries));
  }
});

test('unsquashfs -lls lists our image with types, modes, owners, sizes, times and targets', async (t) => {
  const unsquashfs = requireTool(t, 'unsquashfs');
  if (unsquashfs === undefined) return;
  const image = join(await temporaryDirectory(t), 'image');
  const device = { mode: 0o620, uid: 0, gid: 5, mtimeSec: MTIME_SEC };
  await imageInFile(image, [
    directory('/dev', { mode: 0o755 }),
    { ...device, kind: 'char-device', path: '/dev/console', major: 5, minor: 1 },
    { ...device, kind: 'block-device', path: '/dev/vda', major: 254, minor: 0 },
    file('/dev/file', 'four', { mode: 0o4755, uid: 70_000, gid: 0xffff_fffe }),
    symlink('/dev/link', '/proc/self/fd'),
  ]);
  const { stdout } = await run(unsquashfs, ['-UTC', '-llnumeric', image]);
  const time = '2023-11-14 22:13';
  assert.deepEqual(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' ')),
    [
      `drwxr-xr-x 0/0 26 ${time} squashfs-root`,
      `drwxr-xr-x 0/0 65 ${time} squashfs-root/dev`,
      `crw--w---- 0/5 5, 1 ${time} squashfs-root/dev/console`,
      `-rwsr-xr-x 70000/4294967294 4 ${time} squashfs-root/dev/file`,
      `lrwxrwxrwx 0/0 13 ${time} squashfs-root/dev/link -> /proc/self/fd`,
      `brw--w---- 0/5 254, 0 ${time} squashfs-root/dev/vda`,
    ],
  );
});

test('unsquashfs lists every name of a directory of 25,000 entries, which our reader finds too', async (t) => {
  const unsquashfs = requireTool(t, 'unsquashfs');
  if (unsquashfs === undefined) return;
  const image = join(await temporaryDirectory(t), 'image');
  const names = Array.from({ length: 25_000 }, (_, i) => `entry-${((i * 7919) % 25_000).toString(36)}`);
  await imageInFile(image, [
    directory('/big'),
    ...names.map((name, i) => (i % 5 === 0 ? directory(`/big/${name}`) : file(`/big/${name}`, name))),
  ]);
  const { stdout } = await run(unsquashfs, ['-l', image], { maxBuffer: MAX_LISTING_BYTES });
  const listed = stdout
    .trim()
    .split('\n')
    .map((line) => line.replace('squashfs-root/big/', ''));
  assert.deepEqual(listed.slice(-names.length), names.toSorted());
  const reader = await openSquashfs(await sourceOfFile(t, image));
  assert.deepEqual(await reader.list('/big'), names.toSorted());
  for (const name of names.filter((_, i) => i % 101 === 1)) {
    assert.equal((await reader.stat(`/big/${name}`)).path, `/big/${name}`);
  }
  await assert.rejects(reader.stat('/big/entry-'), { code: 'ENOENT' });
});

test('unsquashfs reads a sparse file of more than 4 GiB from our image', async (t) => {
  const unsquashfs = requireTool(t, 'unsquashfs');
  if (unsquashfs === undefined) return;
  const image = join(await temporaryDirectory(t), 'image');
  const sizeBytes = 5 * 2 ** 30 + 3;
  const end = Buffer.from('end');
  const zeros = Buffer.alloc(1024 * 1024);
  const content: ByteSource = {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      return offsetBytes + lengthBytes === sizeBytes
        ? Buffer.concat([zeros.subarray(0, lengthBytes - end.length), end])
        : zeros.subarray(0, lengthBytes);
    },
  };
  const entries = [file('/huge', content), file('/after', 'after')];
  const { sizeBytes: imageBytes } = await imageInFile(image, entries, { blockSizeBytes: 1024 * 1024 });
  assert.ok(imageBytes <= 64 * 1024, `${imageBytes} bytes`);
  const { stdout } = await run(unsquashfs, ['-lls', image]);
  assert.match(stdout, new RegExp(` ${sizeBytes} .* squashfs-root/huge\n`));
  const reader = await openSquashfs(await sourceOfFile(t, image));
  const huge = await reader.openFile('/huge');
  assert.equal(huge.sizeBytes, sizeBytes);
  assert.deepEqual(Buffer.from(await huge.read(sizeBytes - 5, 5)), Buffer.from('\0\0end'));
  assert.deepEqual(Buffer.from(await huge.read(2 ** 32 - 1, 3)), Buffer.alloc(3));
  assert.equal(Buffer.from(await reader.readFile('/after')).toString(), 'after');
  const cat = run(unsquashfs, ['-cat', image, 'after']);
  assert.equal((await cat).stdout, 'after');
});

/** A tree on disk with what mksquashfs treats in its own way: hard links, holes, many names, small files. */
async function makeTree(top: string): Promise<void> {
  await mkdir(join(top, 'many'), { recursive: true });
  await mkdir(join(top, 'empty'));
  await writeFile(join(top, 'large'), sampleBytes(3_000_000));
  await writeFile(join(top, 'exact'), sampleBytes(1024 * 1024, 5));
  await writeFile(join(top, 'nothing'), '');
  await writeFile(join(top, 'holes'), 'start');
  await truncate(join(top, 'holes'), 5_000_000);
  await link(join(top, 'large'), join(top, 'hard-link'));
  await makeSymlink('many/1', join(top, 'soft-link'));
  await makeSymlink('x'.repeat(1000), join(top, 'long-link'));
  for (let i = 0; i < 900; i++) await writeFile(join(top, 'many', `${i}`), sampleBytes((i * 13) % 700, i));
  await chmod(join(top, 'many', '7'), 0o4711);
  await lutimes(join(top, 'many'), 1_000_000_000, 1_000_000_000);
}

test('openSquashfs reads what mksquashfs writes, however it packs', async (t) => {
  const mksquashfs = requireTool(t, 'mksquashfs');
  if (mksquashfs === undefined) return;
  const top = await temporaryDirectory(t);
  const tree = join(top, 'tree');
  await makeTree(tree);
  const expected = await describeDisk(tree);
  const variants = [
    [],
    ['-noI'],
    ['-noD'],
    ['-noF'],
    ['-noI', '-noD', '-noF', '-noX', '-noId'],
    ['-b', '4096'],
    ['-b', '1M'],
    ['-b', '4096', '-no-fragments', '-no-exports', '-no-xattrs'],
    ['-always-use-fragments', '-no-duplicates', '-nopad'],
    ['-Xcompression-level', '1', '-Xwindow-size', '8'],
  ];
  for (const [i, options] of variants.entries()) {
    const image = join(top, `${i}.img`);
    await run(mksquashfs, [tree, image, '-noappend', '-no-progress', '-quiet', ...options]);
    const source = await sourceOfFile(t, image);
    assert.deepEqual(await describeImage(source), expected, options.join(' '));
    const reader = await openSquashfs(source);
    for (const path of ['/many/899', '/many/0', '/empty', '/hard-link']) {
      assert.equal((await reader.stat(path)).path, path);
    }
    assert.equal((await reader.stat('/large')).linkCount, 2);
  }
});

test('openSquashfs says so when mksquashfs used another compressor', async (t) => {
  const mksquashfs = requireTool(t, 'mksquashfs');
  if (mksquashfs === undefined) return;
  const top = await temporaryDirectory(t);
  await mkdir(join(top, 'tree'));
  const image = join(top, 'image');
  await run(mksquashfs, [join(top, 'tree'), image, '-comp', 'xz', '-quiet', '-no-progress']);
  const message = 'Cannot read the squashfs image: compressed with xz, not zlib';
  await assert.rejects(openSquashfs(await sourceOfFile(t, image)), { name: 'SyntaxError', message });
});

test('openSquashfs survives damage in an image of mksquashfs', async (t) => {
  const mksquashfs = requireTool(t, 'mksquashfs');
  if (mksquashfs === undefined) return;
  const top = await temporaryDirectory(t);
  const tree = join(top, 'tree');
  await mkdir(join(tree, 'a', 'b'), { recursive: true });
  for (let i = 0; i < 400; i++) await writeFile(join(tree, 'a', `file-${i}`), sampleBytes((i * 29) % 900, i));
  await writeFile(join(tree, 'large'), sampleBytes(50_000));
  for (const options of [['-noI'], []]) {
    const path = join(top, `image${options.length}`);
    await run(mksquashfs, [tree, path, '-b', '4096', '-quiet', '-no-progress', ...options]);
    const image = await readFile(path);
    const { superblock } = await openSquashfs(await sourceOfFile(t, path));
    const { inodeTableStart, bytesUsed } = superblock;
    const place = fc.oneof(fc.nat(95), fc.integer({ min: inodeTableStart, max: bytesUsed - 1 }));
    const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255));
    const damage = fc.array(fc.tuple(place, value), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, async (changes) => {
        const damaged = Buffer.from(image);
        for (const [at, value] of changes) damaged[at] = value;
        await readDamaged(damaged, { entries: 20_000, readBytes: 200 * image.length });
      }),
      { seed: 29, numRuns: 60 },
    );
  }
});
