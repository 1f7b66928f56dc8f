// `tsk flash` on real block devices (loop devices, where this process may make them) and on image files.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { openFat } from '../../src/formats/fat/volume.ts';
import { readGpt } from '../../src/formats/gpt.ts';
import { sliceDevice } from '../../src/formats/byte-source.ts';
import type { BuiltImage } from '../../src/host/build/build-image.ts';
import { silentProgress } from '../../src/host/progress.ts';
import { flashDisk } from '../../src/host/deploy/flash-disk.ts';
import { findDisk, listDisks } from '../../src/host/deploy/list-disks.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { layOutDisk, MIN_DISK_BYTES } from '../../src/shared/board/disk-layout.ts';
import type { Manifest } from '../../src/shared/manifest/manifest.ts';
import {
  haveSameBytes,
  makeRoot,
  runTsk,
  startTsk,
  type TskRun,
  writeInstance,
} from '../support/cli/instances.ts';
import { requireTool } from '../support/require-tool.ts';

const MIB = 1024 * 1024;
const root = makeRoot('flash');
const instance = join(root, 'garden');

before(async () => {
  writeInstance(instance, 'pc-amd64');
  const { code, stderr } = await runTsk(['-i', instance, 'build']);
  assert.equal(code, 0, stderr);
});

function flash(target: string, ...args: string[]): Promise<TskRun> {
  return runTsk(['-i', instance, 'flash', target, '--offline', ...args]);
}

let count = 0;
function makeFile(sizeBytes: number): string {
  count += 1;
  const path = join(root, `disk-${count}.img`);
  writeFileSync(path, '');
  truncateSync(path, sizeBytes);
  return path;
}

const undoStacks = new WeakMap<TestContext, DisposableStack>();

/** As `t.after`, but the last one first: what was mounted goes before what it lies on. */
function undoAfter(t: TestContext, undo: () => void): void {
  let stack = undoStacks.get(t);
  if (!stack) {
    stack = new DisposableStack();
    undoStacks.set(t, stack);
    t.after(() => undoStacks.get(t)?.dispose());
  }
  stack.defer(undo);
}

/** The file as a block device; undefined, and the test skipped, where this process may not have one. */
function attach(t: TestContext, file: string, ...options: string[]): string | undefined {
  const { status, stdout } = spawnSync('losetup', ['--find', '--show', ...options, file], {
    encoding: 'utf8',
  });
  if (status !== 0) {
    t.skip('only root can make loop devices');
    return undefined;
  }
  const device = stdout.trim();
  undoAfter(t, () => execFileSync('losetup', ['--detach', device]));
  return device;
}

/** All that a device needs to boot, and a /perm that it will format. */
async function assertFlashed(t: TestContext, path: string, sizeBytes: number): Promise<Manifest> {
  const sgdisk = requireTool(t, 'sgdisk');
  if (sgdisk !== undefined) {
    assert.match(execFileSync(sgdisk, ['-v', path], { encoding: 'utf8' }), /^No problems found/m);
  }
  const device = await FileDevice.open(path, 'r', sizeBytes);
  try {
    const gpt = await readGpt(device);
    const wanted = layOutDisk(sizeBytes).partitions.map(({ firstSector, sectorCount }) => ({
      firstSector,
      lastSector: firstSector + sectorCount - 1,
    }));
    assert.deepEqual(
      gpt.partitions.map((each) => each && { firstSector: each.firstSector, lastSector: each.lastSector }),
      wanted,
    );
    const [boot, rootA, rootB, perm] = wanted.map(({ firstSector, lastSector }) =>
      sliceDevice(device, firstSector * 512, (lastSector - firstSector + 1) * 512),
    );
    const volume = await openFat(boot!);
    const text = Buffer.from(await volume.readFile('a/manifest.json')).toString();
    const manifest = JSON.parse(text) as Manifest;
    const rootImage = await rootA!.read(0, manifest.root.sizeBytes);
    assert.equal(createHash('sha256').update(rootImage).digest('hex'), manifest.root.sha256);
    for (const blank of [rootB!, perm!]) assert.ok((await blank.read(0, MIB)).every((byte) => byte === 0));
    return manifest;
  } finally {
    await device.close();
  }
}

test('an image file is flashed to the same bytes as tsk build makes', async (t) => {
  const file = makeFile(1500 * MIB);
  const { code, stdout, stderr } = await flash(file, '--yes');
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Writing .*\nChecking .*\nChecking .*: the disk holds what was written\n$/m);
  const { buildId } = await assertFlashed(t, file, 1500 * MIB);
  assert.equal(stdout, `Wrote garden (build ${buildId.slice(0, 12)}) to ${file}.\n`);
  const built = join(root, 'built.img');
  const build = await runTsk(['-i', instance, 'build', '--offline', '--disk', built, '--size', '1500MiB']);
  assert.equal(build.code, 0, build.stderr);
  assert.ok(haveSameBytes(file, built));
});

test('a block device is flashed over whatever it held', async (t) => {
  const file = makeFile(1700 * MIB + 512 * 77);
  const device = attach(t, file);
  const sgdisk = requireTool(t, 'sgdisk');
  const mkfs = requireTool(t, 'mkfs.ext4');
  if (device === undefined || sgdisk === undefined || mkfs === undefined) return;
  const sizeBytes = 1700 * MIB + 512 * 77;
  // Another system's table, and file systems where root b and /perm will be.
  execFileSync(sgdisk, ['--new=1:2048:+100M', '--new=2:0:0', device]);
  for (const { firstSector } of layOutDisk(sizeBytes).partitions.slice(2)) {
    execFileSync(mkfs, ['-q', '-F', '-E', `offset=${firstSector * 512}`, device, '50M']);
  }
  const { code, stdout, stderr } = await flash(device, '--yes', '--json');
  assert.equal(code, 0, stdout + stderr);
  const { buildId } = await assertFlashed(t, device, sizeBytes);
  assert.deepEqual(JSON.parse(stdout), { disk: device, buildId, hostname: 'garden' });
});

test('a disk that was flashed as a smaller one is laid out anew', async (t) => {
  const file = makeFile(MIN_DISK_BYTES);
  assert.equal((await flash(file, '--yes')).code, 0);
  await assertFlashed(t, file, MIN_DISK_BYTES);
  truncateSync(file, 3000 * MIB);
  assert.equal((await flash(file, '--yes')).code, 0);
  await assertFlashed(t, file, 3000 * MIB);
});

test('Ctrl-C while the disk is written says that it does not boot, and it has no partition table', async (t) => {
  const file = makeFile(1500 * MIB);
  assert.equal((await flash(file, '--yes')).code, 0);
  // The first word of the writing is the earliest moment; a slow test may still come too late.
  for (let attempt = 1; attempt <= 5; attempt++) {
    const { child, ended } = startTsk(['-i', instance, 'flash', file, '--yes', '--offline']);
    child.stderr?.on('data', (chunk: Buffer) => {
      if (chunk.includes('Writing')) child.kill('SIGINT');
    });
    const { code, stderr } = await ended;
    if (!stderr.includes('was written')) continue;
    assert.equal(code, 130);
    assert.ok(
      stderr.endsWith(
        `Error: Interrupted while "${file}" was written: it does not boot now\nHint: Flash it again before you use it.\n`,
      ),
      stderr,
    );
    const device = await FileDevice.open(file, 'r');
    t.after(() => device.close());
    await assert.rejects(readGpt(device), SyntaxError);
    return;
  }
  t.skip('every try was over before the signal came');
});

test('a card that is pulled out of its reader', async (t) => {
  // As above: a slow test may come too late.
  for (let attempt = 1; attempt <= 5; attempt++) {
    const file = makeFile(1500 * MIB);
    const device = attach(t, file);
    if (device === undefined) return;
    const { child, ended } = startTsk(['-i', instance, 'flash', device, '--yes', '--offline']);
    let isOut = false;
    child.stderr?.on('data', (chunk: Buffer) => {
      if (isOut || !chunk.includes('Writing')) return;
      isOut = true;
      child.kill('SIGSTOP');
      pullOut(device, file);
      child.kill('SIGCONT');
    });
    const { code, stderr } = await ended;
    if (code === 0) continue;
    assert.equal(code, 1, stderr);
    assert.match(
      stderr,
      new RegExp(`^Error: Cannot (write|check) "${device}": it was pulled out\nHint: Put it back, `, 'm'),
    );
    assert.match(await refusal(device), /: there is no card in it\n/);
    return;
  }
  t.skip('every try was over before the card was out');
});

/** The reader stays, as a disk of no size. What the kernel still writes makes the file grow again meanwhile. */
function pullOut(device: string, file: string): void {
  do {
    truncateSync(file, 0);
    execFileSync('losetup', ['--set-capacity', device]);
  } while (execFileSync('blockdev', ['--getsz', device], { encoding: 'utf8' }).trim() !== '0');
}

async function refusal(target: string): Promise<string> {
  const { code, stdout, stderr } = await flash(target, '--yes');
  assert.equal(code, 1, stdout + stderr);
  assert.equal(stdout, '');
  return stderr;
}

test('what is no disk is refused', async () => {
  assert.match(
    await refusal(join(root, 'nothing')),
    /^Error: Cannot flash ".*nothing": there is no such device or file\nHint: Run "tsk flash"/,
  );
  assert.match(
    await refusal(root),
    /^Error: Cannot flash ".*": it is neither a disk nor an image file\nHint: /,
  );
  assert.match(
    await refusal('/dev/null'),
    /^Error: Cannot flash "\/dev\/null": it is neither a disk nor an image file\n/,
  );
  assert.match(
    await refusal(makeFile(MIN_DISK_BYTES - 512)),
    /: it is too small: it has 1323 MiB and 1324 MiB are needed\n/,
  );
  assert.match(
    await refusal(makeFile(100 * MIB)),
    /: it is too small: it has 100 MiB and 1324 MiB are needed\n/,
  );
});

test('without a terminal and without --yes it does not guess', async () => {
  const file = makeFile(1500 * MIB);
  const { code, stderr } = await flash(file);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^Error: Cannot ask whether to overwrite .*: standard input is not a terminal\nHint: Add --yes if you are sure\.\n$/,
  );
});

test('a block device that is too small, read-only or of other sectors is refused', async (t) => {
  const small = attach(t, makeFile(100 * MIB));
  if (small === undefined) return;
  assert.match(await refusal(small), /: it is too small: it has 100 MiB and 1324 MiB are needed\n/);
  const readOnly = attach(t, makeFile(1500 * MIB), '--read-only');
  assert.match(await refusal(readOnly!), /: it is write-protected \(a card may have a lock switch\)\n/);
  const large = attach(t, makeFile(1500 * MIB), '--sector-size', '4096');
  if (large !== undefined) {
    assert.match(await refusal(large), /: it has sectors of 4096 bytes, and an image is made for 512\n/);
  }
});

test('a file that is in use as a disk is refused', async (t) => {
  const file = makeFile(1500 * MIB);
  const device = attach(t, file);
  if (device === undefined) return;
  assert.match(await refusal(file), new RegExp(`: it is in use as "${device}"\n`));
});

test('a mounted disk is refused, and by the kernel as well', async (t) => {
  const file = makeFile(1500 * MIB);
  const device = attach(t, file);
  const mkfs = requireTool(t, 'mkfs.ext4');
  if (device === undefined || mkfs === undefined) return;
  execFileSync(mkfs, ['-q', device]);
  const free = await findDisk(device);
  assert.equal(free.refusal, null);
  const mountPoint = join(root, 'mounted');
  mkdirSync(mountPoint);
  execFileSync('mount', [device, mountPoint]);
  undoAfter(t, () => execFileSync('umount', [mountPoint]));
  assert.match(
    await refusal(device),
    new RegExp(
      `: it is mounted at "${mountPoint}"\nHint: Unmount it, for example by: sudo umount "${mountPoint}"\n`,
    ),
  );
  // Somebody who leaves the directory out, as lsblk does.
  assert.match(
    await refusal(basename(device)),
    new RegExp(`^Error: Cannot flash ".*": there is no such device or file: did you mean "${device}"\\?\n`),
  );
  // Mounted after it was looked at: no image is needed to see that it cannot even be opened.
  await assert.rejects(flashDisk({} as BuiltImage, free, { report: silentProgress }), {
    name: 'UserError',
    message: `Cannot open "${device}": something uses it`,
  });
});

/** A partition as the kernel sees it, without a table: not every kernel reads those of loop devices. */
function addPartition(t: TestContext, device: string): string {
  execFileSync('addpart', [device, '1', '2048', '204800']);
  undoAfter(t, () => execFileSync('delpart', [device, '1']));
  const partition = `${device}p1`;
  if (!existsSync(partition)) {
    // In a container nobody makes the nodes of new devices.
    const numbers = readFileSync(`/sys/class/block/${basename(partition)}/dev`, 'utf8')
      .trim()
      .split(':');
    execFileSync('mknod', [partition, 'b', ...numbers]);
    undoAfter(t, () => rmSync(partition, { force: true }));
  }
  return partition;
}

test('a partition is refused, and a disk with a mounted one', async (t) => {
  const device = attach(t, makeFile(1500 * MIB));
  const mkfs = requireTool(t, 'mkfs.ext4');
  if (device === undefined || mkfs === undefined) return;
  const partition = addPartition(t, device);
  execFileSync(mkfs, ['-q', partition]);
  assert.equal((await findDisk(device)).refusal, null);
  assert.match(await refusal(partition), /: it is a partition, and an image needs a whole disk\n/);
  const mountPoint = join(root, 'mounted partition');
  mkdirSync(mountPoint);
  execFileSync('mount', [partition, mountPoint]);
  undoAfter(t, () => execFileSync('umount', [mountPoint]));
  assert.match(await refusal(device), new RegExp(`: it is mounted at "${mountPoint}"\n`));
});

test('tsk flash lists the disks; the one that this computer runs from is refused', async (t) => {
  const disks = await listDisks();
  const { code, stdout } = await runTsk(['flash', '--json']);
  assert.equal(code, 0);
  assert.deepEqual(JSON.parse(stdout), { disks });
  const table = (await runTsk(['flash'])).stdout;
  for (const { path } of disks) assert.match(table, new RegExp(`^${path} `, 'm'));
  // Looked at only: a mistake here would cost the computer that runs the test.
  const system = disks.filter(({ mountPoints }) => mountPoints.includes('/'));
  for (const { refusal } of system) assert.equal(refusal, 'this computer runs from it ("/" is on it)');
  const hasNone = disks.every(({ refusal }) => refusal !== null);
  const advice = /^None of them can be written: put a card or disk in, and run "tsk flash" again\.$/m;
  assert.equal(advice.test(table), hasNone);
  if (system.length === 0) t.diagnostic('this computer runs from no disk that lsblk knows');
});
