// Whole images, built by the real command line: the same bytes from the same inputs, what the reference tools
// and our own readers find in them, and how little a small change changes.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { before, type TestContext, test } from 'node:test';
import { type ByteSource, sliceDevice, sourceOfBytes } from '../../src/formats/byte-source.ts';
import { type FatVolume, openFat } from '../../src/formats/fat/volume.ts';
import { type Gpt, readGpt } from '../../src/formats/gpt.ts';
import { openSquashfs } from '../../src/formats/squashfs/reader.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import type { BoardId } from '../../src/shared/board/boards.ts';
import { type Manifest, MANIFEST_NAME } from '../../src/shared/manifest/manifest.ts';
import { SIGNATURES_NAME, verifyManifest } from '../../src/shared/manifest/manifest-signature.ts';
import { parseManifest } from '../../src/shared/manifest/parse-manifest.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../src/shared/services/services.ts';
import { decideSwitch } from '../../src/shared/update/switch-mode.ts';
import {
  APP_SOURCE,
  coldPackedCache,
  copyInstance,
  haveSameBytes,
  makeRoot,
  lockTimeSec,
  runTsk,
  type TskOptions,
  writeInstance,
} from '../support/cli/instances.ts';
import { requireTool } from '../support/require-tool.ts';

const root = makeRoot('image');

interface Files {
  disk: string;
  boot: string;
  root: string;
  archive: string;
}

interface Build {
  directory: string;
  files: Files;
  buildId: string;
}

async function build(
  directory: string,
  name: string,
  options: TskOptions & { args?: string[]; archive?: 'tar' | 'tar.zst' } = {},
): Promise<Build> {
  const files = {
    disk: join(root, `${name}.disk`),
    boot: join(root, `${name}.boot`),
    root: join(root, `${name}.root`),
    archive: join(root, `${name}.${options.archive ?? 'tar'}`),
  };
  const outputs = Object.entries(files).flatMap(([kind, path]) => [`--${kind}`, path]);
  const { code, stdout, stderr } = await runTsk(
    ['-i', directory, 'build', '--json', ...outputs, ...(options.args ?? [])],
    options,
  );
  assert.equal(code, 0, stdout + stderr);
  const { buildId } = JSON.parse(stdout) as { buildId: string };
  return { directory, files, buildId };
}

/** The first build of each board, which every test looks at. */
const builds = new Map<BoardId, Build>();

before(async () => {
  for (const board of ['pc-amd64', 'pc-arm64'] as const) {
    builds.set(board, await build(writeInstance(join(root, board), board), board));
  }
});

function buildOf(board: BoardId): Build {
  return builds.get(board)!;
}

async function openSource(t: TestContext, path: string): Promise<FileDevice> {
  const device = await FileDevice.open(path, 'r');
  t.after(() => device.close());
  return device;
}

interface OpenDisk {
  gpt: Gpt;
  boot: FatVolume;
  partition: (number: number) => ByteSource;
  manifest: Manifest;
}

async function openDisk(t: TestContext, path: string): Promise<OpenDisk> {
  const device = await openSource(t, path);
  const gpt = await readGpt(device);
  const partition = (number: number): ByteSource => {
    const { firstSector, lastSector } = gpt.partitions[number - 1]!;
    return sliceDevice(device, firstSector * 512, (lastSector - firstSector + 1) * 512);
  };
  const boot = await openFat(partition(1));
  const manifest = JSON.parse(Buffer.from(await boot.readFile('a/manifest.json')).toString()) as Manifest;
  return { gpt, boot, partition, manifest };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function assertDescribed(bytes: Uint8Array, { sizeBytes, sha256: hash, chunks }: Manifest['root']): void {
  assert.deepEqual([bytes.length, sha256(bytes)], [sizeBytes, hash]);
  let position = 0;
  for (const chunk of chunks) {
    assert.equal(sha256(bytes.subarray(position, (position += chunk.lengthBytes))), chunk.sha256);
  }
  assert.equal(position, bytes.length);
}

for (const board of ['pc-amd64', 'pc-arm64'] as const) {
  test(`${board}: another directory, time, time zone and locale give the same bytes`, async () => {
    const first = buildOf(board);
    const directory = copyInstance(first.directory, join(root, `${board} again`, 'deeper'));
    for (const name of readdirSync(directory)) utimesSync(join(directory, name), 1, 1);
    utimesSync(join(directory, 'src', 'main.ts'), 1, 1);
    const env = { TZ: 'Asia/Kathmandu', LC_ALL: 'C', UV_THREADPOOL_SIZE: '3' };
    const cold = board === 'pc-amd64' ? coldPackedCache(join(root, 'cold')) : {};
    const second = await build(directory, `${board}-again`, {
      cwd: '/',
      env: { ...env, ...cold },
      args: ['--offline'],
      archive: 'tar.zst',
    });
    assert.equal(second.buildId, first.buildId);
    for (const kind of ['disk', 'boot', 'root'] as const) {
      assert.ok(haveSameBytes(second.files[kind], first.files[kind]), kind);
    }
    const unpacked = zstdDecompressSync(readFileSync(second.files.archive));
    assert.equal(unpacked.compare(readFileSync(first.files.archive)), 0);
  });

  test(`${board}: the reference tools find no fault`, (t) => {
    const { disk, boot } = buildOf(board).files;
    const sgdisk = requireTool(t, 'sgdisk');
    const fsck = requireTool(t, 'fsck.fat');
    if (sgdisk === undefined || fsck === undefined) return;
    const checked = execFileSync(sgdisk, ['-v', disk], { encoding: 'utf8' });
    assert.match(checked, /^No problems found/m);
    assert.doesNotMatch(checked, /Warning|Problem:/);
    const { status, stdout } = spawnSync(fsck, ['-n', '-v', boot], { encoding: 'utf8' });
    assert.equal(status, 0, stdout);
  });

  test(`${board}: the disk's partitions are the boot and root images, and blank`, async (t) => {
    const { files } = buildOf(board);
    const { partition, boot } = await openDisk(t, files.disk);
    const bootImage = readFileSync(files.boot);
    const rootImage = readFileSync(files.root);
    assert.equal(bootImage.compare(await partition(1).read(0, bootImage.length)), 0);
    assert.equal(bootImage.length, partition(1).sizeBytes);
    assert.equal(rootImage.compare(await partition(2).read(0, rootImage.length)), 0);
    // The device formats /perm only if its first MiB is blank.
    for (const number of [3, 4])
      assert.ok((await partition(number).read(0, 1024 * 1024)).every((byte) => byte === 0));
    assert.deepEqual(await boot.list('b'), []);
    // Sparse: what holds nothing takes no room.
    assert.ok(statSync(files.disk).blocks * 512 < 200 * 1024 * 1024);
  });

  test(`${board}: the archive has what the partitions are made of, the manifest first`, async (t) => {
    const tar = requireTool(t, 'tar');
    if (tar === undefined) return;
    const { files } = buildOf(board);
    const { boot, manifest } = await openDisk(t, files.disk);
    const read = (name: string): Buffer =>
      execFileSync(tar, ['-xOf', files.archive, name], { maxBuffer: 1024 ** 3 });
    const list = (...options: string[]): string[] =>
      execFileSync(tar, [...options, '-tf', files.archive], { encoding: 'utf8' })
        .trimEnd()
        .split('\n');
    const names = list();
    const loader = names.filter((name) => name.startsWith('boot/'));
    assert.deepEqual(names, [
      MANIFEST_NAME,
      SIGNATURES_NAME,
      ...loader,
      ...manifest.bootFiles.map(({ path }) => `slot/${path}`),
      'root.squashfs',
    ]);
    assert.ok(loader.length >= 4);
    assert.equal(read('root.squashfs').compare(readFileSync(files.root)), 0);
    for (const name of names.slice(0, -1)) {
      const path = name.replace(/^boot\/|^(?:slot\/)?(?=[^/]+$)/, (prefix) =>
        prefix === 'boot/' ? '' : 'a/',
      );
      assert.equal(read(name).compare(await boot.readFile(path)), 0, name);
    }
    const created = new Date(manifest.buildTimeSec * 1000).toISOString().slice(0, 19).replace('T', ' ');
    for (const line of list('--utc', '--full-time', '--numeric-owner', '-v')) {
      assert.match(line, new RegExp(`^-rw-r--r-- 0/0 +\\d+ ${created} `));
    }
  });

  test(`${board}: the manifest describes boot files and root exactly`, async (t) => {
    const { files, buildId, directory } = buildOf(board);
    const { boot, manifest } = await openDisk(t, files.disk);
    const createdAtSec = lockTimeSec(directory);
    assert.equal(manifest.buildId, buildId);
    assert.equal(manifest.board, board);
    assert.equal(manifest.buildTimeSec, createdAtSec);
    const names = (await boot.list('a')).map(({ name }) => name);
    const expected = [MANIFEST_NAME, SIGNATURES_NAME, ...manifest.bootFiles.map(({ path }) => path)];
    assert.deepEqual(names.toSorted(), expected.toSorted());
    for (const file of manifest.bootFiles) assertDescribed(await boot.readFile(`a/${file.path}`), file);
    assertDescribed(readFileSync(files.root), manifest.root);
  });

  test(`${board}: the manifest is as a device reads it, and signed by a key that the image trusts`, async (t) => {
    const { files } = buildOf(board);
    const { boot, manifest } = await openDisk(t, files.disk);
    const bytes = await boot.readFile(`a/${MANIFEST_NAME}`);
    assert.deepEqual(parseManifest(bytes), manifest);
    const reader = await openSquashfs(await openSource(t, files.root));
    const { update } = JSON.parse(
      Buffer.from(await reader.readFile(DEVICE_CONFIG_PATH)).toString(),
    ) as DeviceConfig;
    const signatures = await boot.readFile(`a/${SIGNATURES_NAME}`);
    const { signedAtSec } = verifyManifest(bytes, signatures, update?.trustedKeys ?? [], 0);
    assert.equal(signedAtSec, manifest.buildTimeSec);
  });

  test(`${board}: our reader and unsquashfs see one tree, all of the lock's time`, async (t) => {
    const { files, buildId, directory } = buildOf(board);
    const createdAtSec = lockTimeSec(directory);
    const unsquashfs = requireTool(t, 'unsquashfs');
    if (unsquashfs === undefined) return;
    const reader = await openSquashfs(await openSource(t, files.root));
    assert.equal(reader.superblock.mtimeSec, createdAtSec);
    const ours: string[] = [];
    for await (const { path, sizeBytes, kind, target, mtimeSec, uid, gid } of reader.entries()) {
      assert.equal(mtimeSec, createdAtSec, path);
      const size = kind === 'file' ? sizeBytes : 0;
      ours.push(
        `${uid}/${gid} ${size} ${path === '/' ? '' : path}${kind === 'symlink' ? ` -> ${target}` : ''}`,
      );
    }
    const listing = execFileSync(unsquashfs, ['-lln', '-d', '', files.root], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    const theirs = listing
      .split('\n')
      .filter((line) => /^[-dlcb]/.test(line))
      .map((line) => {
        const [, kind, owner, size, , path] = /^(.)\S+ (\S+) +(\d+) (\S+ \S+) (.*)$/.exec(line)!;
        return `${owner} ${kind === '-' ? size : 0} ${path}`;
      });
    assert.deepEqual(theirs.toSorted(), ours.toSorted());

    const config = JSON.parse(
      Buffer.from(await reader.readFile(DEVICE_CONFIG_PATH)).toString(),
    ) as DeviceConfig;
    assert.equal(config.buildId, buildId);
    const theirConfig = execFileSync(unsquashfs, ['-cat', files.root, DEVICE_CONFIG_PATH.slice(1)], {
      encoding: 'utf8',
    });
    assert.deepEqual(JSON.parse(theirConfig), config);
    assert.ok((await reader.list('/usr/share/licenses')).length >= 5);
  });

  test(`${board}: every file of the boot partition has the lock's time`, async (t) => {
    const { files, directory } = buildOf(board);
    const createdAtSec = lockTimeSec(directory);
    const { boot } = await openDisk(t, files.disk);
    const visit = async (path: string): Promise<number> => {
      let count = 0;
      for (const { name, kind, modifiedSec } of await boot.list(path)) {
        // FAT counts in steps of two seconds.
        assert.ok(Math.abs(modifiedSec - createdAtSec) < 2, name);
        count += 1 + (kind === 'directory' ? await visit(path === '' ? name : `${path}/${name}`) : 0);
      }
      return count;
    };
    assert.ok((await visit('')) >= 10);
  });
}

test('SOURCE_DATE_EPOCH replaces the time of the lock', async () => {
  const directory = copyInstance(buildOf('pc-amd64').directory, join(root, 'epoch'));
  const env = { SOURCE_DATE_EPOCH: '1600000000' };
  const { files } = await build(directory, 'epoch', { env, args: ['--offline'] });
  const { superblock } = await openSquashfs(sourceOfBytes(readFileSync(files.root)));
  assert.equal(superblock.mtimeSec, 1_600_000_000);
});

test('a changed line changes few chunks', async (t) => {
  const first = buildOf('pc-amd64');
  const directory = copyInstance(first.directory, join(root, 'changed'));
  writeFileSync(join(directory, 'src', 'main.ts'), APP_SOURCE.replace('one line', 'another line'));
  const second = await build(directory, 'changed', { args: ['--offline'] });
  assert.notEqual(second.buildId, first.buildId);
  const before = (await openDisk(t, first.files.disk)).manifest;
  const after = (await openDisk(t, second.files.disk)).manifest;
  const known = new Set(before.root.chunks.map((chunk) => chunk.sha256));
  const changed = after.root.chunks.filter((chunk) => !known.has(chunk.sha256));
  const changedBytes = changed.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  const fraction = changedBytes / after.root.sizeBytes;
  t.diagnostic(
    `${changed.length} of ${after.root.chunks.length} chunks, ${changedBytes} bytes, ${(fraction * 100).toFixed(2)} %`,
  );
  assert.ok(changed.length > 0 && fraction < 0.03);
  assert.deepEqual(decideSwitch(before, after), {
    mode: 'live',
    rebootBecause: [],
    changedApps: ['hello'],
    unchangedApps: [],
  });
});

test('--size decides the size of the disk, and /perm takes what is left', async (t) => {
  const { directory } = buildOf('pc-amd64');
  const disk = join(root, 'large.disk');
  const { code, stderr } = await runTsk([
    '-i',
    directory,
    'build',
    '--disk',
    disk,
    '--size',
    '5GB',
    '--offline',
  ]);
  assert.equal(code, 0, stderr);
  assert.equal(statSync(disk).size, 5e9 - (5e9 % 512));
  const { gpt } = await openDisk(t, disk);
  assert.equal(gpt.partitions[3]?.lastSector, Math.floor(5e9 / 512) - 35);
  const sgdisk = requireTool(t, 'sgdisk');
  if (sgdisk !== undefined)
    assert.match(execFileSync(sgdisk, ['-v', disk], { encoding: 'utf8' }), /^No problems found/m);
});
