// Our partition tables read by sgdisk and fdisk, and theirs by us.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { encodeGpt, type Gpt, PARTITION_TYPE, readGpt } from '../../src/formats/gpt.ts';
import { decodeMbr, encodeHybridMbr } from '../../src/formats/mbr.ts';
import { FileDevice } from '../../src/host/files/file-device.ts';
import { requireTool } from '../support/require-tool.ts';

const run = promisify(execFile);
const DISK_BYTES = 2 ** 31;

async function temporaryPath(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-partitions-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'disk.img');
}

const guid = (number: number): string => `60c24cc1-f3f9-427a-8199-4f9f2cab000${number}`;

/** gokrazy's layout for hostname hello. */
function tableOf(sectorBytes: number): Gpt {
  const diskSectors = DISK_BYTES / sectorBytes;
  const tableSectors = 1 + Math.ceil(16384 / sectorBytes);
  const places = [
    [8192, 204800],
    [212992, 1024000],
    [1236992, 1024000],
    [2260992, 1933278],
  ].map(([first, count]) => {
    const firstSector = (first! * 512) / sectorBytes;
    return { firstSector, lastSector: firstSector + Math.floor((count! * 512) / sectorBytes) - 1 };
  });
  const types = [
    PARTITION_TYPE.efiSystem,
    PARTITION_TYPE.rootArm64,
    PARTITION_TYPE.linuxData,
    PARTITION_TYPE.linuxData,
  ];
  return {
    diskGuid: guid(0),
    diskSectors,
    sectorBytes,
    firstUsableSector: 1 + tableSectors,
    lastUsableSector: diskSectors - 1 - tableSectors,
    partitions: types.map((typeGuid, i) => ({
      typeGuid,
      guid: guid(i + 1),
      name: i === 0 ? 'Microsoft basic data' : 'Linux filesystem',
      ...places[i]!,
    })),
  };
}

async function writeDisk(path: string, gpt: Gpt): Promise<void> {
  const disk = await FileDevice.create(path, DISK_BYTES);
  const { primary, backup } = encodeGpt(gpt);
  const boot = gpt.partitions[0]!;
  const mbr = encodeHybridMbr({
    diskId: 0x4f9f2cab,
    bootFirstSector: boot.firstSector,
    bootSectorCount: boot.lastSector - boot.firstSector + 1,
  });
  await disk.write(0, mbr);
  await disk.write(gpt.sectorBytes, primary);
  await disk.write(DISK_BYTES - backup.length, backup);
  await disk.close();
}

test('sgdisk finds no problem with our tables and reads all of them', async (t) => {
  const sgdisk = requireTool(t, 'sgdisk');
  if (!sgdisk) return;
  const path = await temporaryPath(t);
  await writeDisk(path, tableOf(512));
  const { stdout } = await run(sgdisk, ['-v', path]);
  assert.match(stdout, /No problems found/);
  const { stdout: second } = await run(sgdisk, ['-i', '2', path]);
  assert.match(second, /Partition GUID code: B921B045-1DF0-41C3-AF44-4C6F280D3FAE \(Linux ARM64 root/);
  assert.match(second, /Partition unique GUID: 60C24CC1-F3F9-427A-8199-4F9F2CAB0002/);
  assert.match(second, /First sector: 212992 /);
  assert.match(second, /Last sector: 1236991 /);
  assert.match(second, /Partition name: 'Linux filesystem'/);
  const { stdout: fourth } = await run(sgdisk, ['-i', '4', path]);
  assert.match(fourth, /Last sector: 4194269 /);
});

test('sgdisk finds each of our copies good when the other one is spoilt', async (t) => {
  const sgdisk = requireTool(t, 'sgdisk');
  if (!sgdisk) return;
  const path = await temporaryPath(t);
  const gpt = tableOf(512);
  for (const [spoilt, good] of [
    [512, 'Backup'],
    [DISK_BYTES - 512, 'Main'],
  ] as const) {
    await rm(path, { force: true });
    await writeDisk(path, gpt);
    const disk = await FileDevice.open(path, 'r+');
    await disk.write(spoilt, new Uint8Array(512));
    assert.deepEqual(await readGpt(disk), gpt);
    await disk.close();
    // sgdisk exits with an error, since one of the headers is spoilt.
    const { stderr } = await run(sgdisk, ['-p', path]).catch((error: { stderr: string }) => error);
    assert.match(stderr, new RegExp(`${good} header: OK`));
    assert.match(stderr, /Main partition table: OK\nBackup partition table: OK/);
  }
});

for (const sectorBytes of [512, 4096]) {
  test(`fdisk reads our tables in sectors of ${sectorBytes} bytes, and we read its`, async (t) => {
    const fdisk = requireTool(t, 'fdisk');
    if (!fdisk) return;
    const path = await temporaryPath(t);
    const gpt = tableOf(sectorBytes);
    await writeDisk(path, gpt);
    const size = ['-b', String(sectorBytes)];
    const { stdout, stderr } = await run(fdisk, [...size, '-l', '-o', 'Start,End,Type-UUID,UUID,Name', path]);
    // fdisk mentions that our MBR is a hybrid one, and nothing else.
    assert.doesNotMatch(stderr, /corrupt|backup|mismatch/);
    assert.match(stdout, new RegExp(`Disk identifier: ${gpt.diskGuid}`, 'i'));
    const rows = [...stdout.matchAll(/^ *(\d+) +(\d+) +([0-9A-F-]{36}) +([0-9A-F-]{36}) +(.*)$/gm)];
    assert.deepEqual(
      rows.map(([, start, end, typeGuid, guid, name]) => ({
        typeGuid: typeGuid!.toLowerCase(),
        guid: guid!.toLowerCase(),
        name,
        firstSector: Number(start),
        lastSector: Number(end),
      })),
      gpt.partitions,
    );

    await rm(path);
    await (await FileDevice.create(path, 64 * 2 ** 20)).close();
    const making = run(fdisk, [...size, path]);
    making.child.stdin?.end('g\nn\n1\n\n+8M\nn\n3\n\n+4M\nx\nn\n1\ngröße\nA\n1\nr\nw\n');
    await making;
    const disk = await FileDevice.open(path, 'r');
    t.after(() => disk.close());
    const theirs = await readGpt(disk);
    assert.equal(theirs.sectorBytes, sectorBytes);
    assert.equal(theirs.partitions.length, 3);
    assert.equal(theirs.partitions[0]?.name, 'größe');
    assert.equal(theirs.partitions[0]?.attributes, 4n);
    assert.equal(theirs.partitions[1], null);
    const { primary, backup } = encodeGpt(theirs);
    assert.deepEqual(await disk.read(sectorBytes, primary.length), primary);
    assert.deepEqual(await disk.read(disk.sizeBytes - backup.length, backup.length), backup);
    assert.equal(decodeMbr(await disk.read(0, 512)).partitions[0]?.type, 0xee);
  });
}

test('readGpt reads the table of a disk that sgdisk says has to be grown', async (t) => {
  const sgdisk = requireTool(t, 'sgdisk');
  if (!sgdisk) return;
  const path = await temporaryPath(t);
  await writeDisk(path, tableOf(512));
  await truncate(path, DISK_BYTES + 2 ** 28);
  const disk = await FileDevice.open(path, 'r');
  t.after(() => disk.close());
  assert.deepEqual(await readGpt(disk), tableOf(512));
  // Moves the backup to the new end.
  await run(sgdisk, ['-e', path]);
  assert.equal((await readGpt(disk)).diskSectors, (DISK_BYTES + 2 ** 28) / 512);
});
