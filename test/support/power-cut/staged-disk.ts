// A small disk with a build in slot a and a /perm, made without a build, and an update of it whose steps a test may
// do in another order: what the power-cut rig must find is planted here.

import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { mkdirSync, openSync, closeSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import {
  type ByteDevice,
  type ByteSource,
  sliceDevice,
  sourceOfBytes,
} from '../../../src/formats/byte-source.ts';
import { writeFatFileInPlace } from '../../../src/formats/fat/write-in-place.ts';
import { writeFat } from '../../../src/formats/fat/writer.ts';
import { encodeGpt, PARTITION_TYPE } from '../../../src/formats/gpt.ts';
import { encodeHybridMbr } from '../../../src/formats/mbr.ts';
import { LoaderFiles } from '../../../src/device/boot-loader/loader-files.ts';
import { renewedFiles } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { replaceRootFiles } from '../../../src/formats/fat/root-files.ts';
import { renewSharedFiles } from '../../../src/device/update/renew-shared-files.ts';
import { MAX_CHUNK_BYTES } from '../../../src/formats/chunk-stream.ts';
import { openSlotInstaller } from '../../../src/device/update/slot-installer.ts';
import { FileDevice } from '../../../src/host/files/file-device.ts';
import { formatCmdline } from '../../../src/shared/board/cmdline.ts';
import { diskGuid, layOutDisk, MIN_DISK_BYTES, SECTOR_BYTES } from '../../../src/shared/board/disk-layout.ts';
import { FIRST_SLOT, type Slot, SLOT_PARTITION, SLOTS } from '../../../src/shared/board/slots.ts';
import { type BootLoaderLayout, newCommitText } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import type { Manifest } from '../../../src/shared/manifest/manifest.ts';
import { removeFatFile, replaceFatFile } from '../formats/fat-change.ts';
import { findTool } from '../require-tool.ts';
import type { RigBoard } from './rig-board.ts';
import type { RecordedUpdate } from './try-cuts.ts';

const HOSTNAME = 'staged';
const LAYOUT = layOutDisk(MIN_DISK_BYTES);
const KEPT = { path: '/kept', content: 'kept\n'.repeat(2000) };
const TIME_SEC = 1_700_000_000;

interface StagedBuild {
  buildId: string;
  kernelArgs: readonly string[];
  /** By path in the slot's directory. */
  bootFiles: ReadonlyMap<string, Uint8Array>;
  root: Uint8Array;
  manifest: Uint8Array;
  signatures: Uint8Array;
}

export interface UpdateSteps {
  writeRoot(): Promise<void>;
  /** The manifest last: it marks the slot. */
  writeBootFiles(): Promise<void>;
  /** What an update does first with a slot that is whole. */
  unmark(): Promise<void>;
  /** With the new build's command line, what tells the boot loader how a slot starts; by default the new one. */
  renewStart(slot?: Slot): Promise<void>;
  commit(): Promise<void>;
  /** For boot loaders that have a file for trials: it names the new slot, or the committed one again. */
  askForTrial(): Promise<void>;
  withdrawTrial(): Promise<void>;
  /** All of that but the commit, as devices do it. */
  install(): Promise<void>;
  /** After the commit, what both slots need. */
  renewFirmware(): Promise<void>;
  /** One file of it alone, by its name in the root. */
  replaceShared(path: string): Promise<void>;
  flush(): Promise<void>;
  /** Anywhere on the disk. */
  disk: ByteDevice;
  partitionOffset(number: number): number;
}

/** What is on the boot partition of a staged disk besides what each boot loader's description asks for. */
export interface StagedFiles {
  /** In the root, by path. */
  shared: ReadonlyMap<string, Uint8Array>;
  /** In the directory of a slot with this build, the kernel among them. */
  ofBuild(name: string): ReadonlyMap<string, Uint8Array>;
}

const KERNEL_ALONE: StagedFiles = {
  shared: new Map(),
  ofBuild: (name) => new Map([['vmlinuz', Buffer.alloc(30_000, `kernel of ${name} `)]]),
};

/** Without the steps that a test leaves out, a correct update. */
export async function stageUpdate(
  directory: string,
  board: RigBoard,
  run: (steps: UpdateSteps) => Promise<void>,
  files = KERNEL_ALONE,
): Promise<RecordedUpdate> {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const makeBuild = (name: string): StagedBuild => {
    const staged = files.ofBuild(name);
    const root = Buffer.alloc(200_000, `root of ${name} `);
    const chunksOf = (...parts: readonly Uint8Array[]) =>
      parts.map((part) => ({ lengthBytes: part.length, sha256: sha256(part) }));
    const digestOf = (bytes: Uint8Array) => ({ sizeBytes: bytes.length, sha256: sha256(bytes) });
    const kernelArgs = ['quiet', `build=${name}`];
    const bootFiles = [...staged].map(([path, bytes]) => ({
      path,
      ...digestOf(bytes),
      chunks: chunksOf(...pieces(bytes)),
    }));
    const chunks = chunksOf(root.subarray(0, 131_072), root.subarray(131_072));
    const manifest = Buffer.from(
      JSON.stringify({
        buildId: name,
        buildTimeSec: TIME_SEC,
        kernelArgs,
        bootFiles,
        root: { ...digestOf(root), chunks },
      }),
    );
    const text = Buffer.from(`tskrazy manifest 1\n${TIME_SEC}\n${sha256(manifest)}\n`);
    const signature = sign(null, text, privateKey).toString('base64');
    const signatures = Buffer.from(JSON.stringify({ signedAtSec: TIME_SEC, signatures: [{ signature }] }));
    return { buildId: name, kernelArgs, bootFiles: staged, root, manifest, signatures };
  };
  const [before, after] = [makeBuild('old'), makeBuild('new')];
  const imagePath = join(directory, 'image');
  await writeDisk(imagePath, board.layout, before, files.shared, directory);
  const logPath = join(directory, 'log');
  const copy = join(directory, 'disk');
  execFileSync('cp', ['--sparse=always', imagePath, copy]);
  const recorder = new RecordingDevice(await FileDevice.open(copy, 'r+'), logPath);
  await run(stepsOf(recorder, board.layout, after));
  await recorder.close();
  return {
    board,
    imagePath,
    logPath,
    begunBytes: SECTOR_BYTES,
    installedBytes: Number.MAX_SAFE_INTEGER,
    endBytes: Infinity,
    publicKey: publicKey.export({ format: 'der', type: 'spki' }).subarray(-32),
    slot: 'a',
    oldBuildId: 'old',
    newBuildId: 'new',
    permFile: KEPT,
  };
}

function stepsOf(disk: RecordingDevice, layout: BootLoaderLayout, build: StagedBuild): UpdateSteps {
  const boot = partition(disk, 1);
  const options = { zone: 'b', timestampSec: TIME_SEC };
  return {
    disk,
    partitionOffset: (number) => LAYOUT.partitions[number - 1]!.firstSector * SECTOR_BYTES,
    flush: () => disk.flush(),
    writeRoot: () => partition(disk, SLOT_PARTITION.b).write(0, build.root),
    async writeBootFiles() {
      for (const [name, bytes] of slotFiles(build)) {
        await replaceFatFile(boot, `b/${name}`, sourceOfBytes(bytes), options);
      }
    },
    unmark: async () => void (await removeFatFile(boot, 'b/manifest.json', options)),
    async renewStart(slot = 'b') {
      await writeFatFileInPlace(boot, layout.ownFile(slot).path, Buffer.from(ownText(layout, slot, build)));
    },
    async install() {
      const manifest = JSON.parse(Buffer.from(build.manifest).toString()) as Manifest;
      const installer = await openSlotInstaller({
        disk: {
          source: 'a',
          target: 'b',
          boot,
          layout,
          sourceRoot: partition(disk, SLOT_PARTITION.a),
          targetRoot: partition(disk, SLOT_PARTITION.b),
          rootGuid: async (slot) => diskGuid(HOSTNAME, SLOT_PARTITION[slot]),
          dropCaches: () => disk.flush(),
        },
        manifest,
        manifestBytes: build.manifest,
        signatureBytes: build.signatures,
      });
      const rootChunks = [build.root.subarray(0, 131_072), build.root.subarray(131_072)];
      const chunks = [...rootChunks, ...[...build.bootFiles.values()].flatMap(pieces)];
      for (const index of installer.missing()) await installer.receive(index, chunks[index]!);
      await installer.install(() => {});
    },
    commit: () => new LoaderFiles(layout, boot).commit('b', () => {}),
    askForTrial: () => new LoaderFiles(layout, boot).writeTrial('b', () => {}),
    withdrawTrial: () => new LoaderFiles(layout, boot).withdrawTrial(() => {}),
    async replaceShared(path) {
      const { inSlot } = renewedFiles(layout).find((file) => file.path === path)!;
      const content = sourceOfBytes(build.bootFiles.get(inSlot)!);
      await replaceRootFiles(boot, [{ path, content }], TIME_SEC);
    },
    async renewFirmware() {
      await renewSharedFiles({ boot, layout, source: 'b', dropCaches: () => disk.flush() });
    },
  };
}

/** As long as chunks may be. */
function pieces(bytes: Uint8Array): Uint8Array[] {
  const count = Math.ceil(bytes.length / MAX_CHUNK_BYTES);
  return Array.from({ length: count }, (_, i) =>
    bytes.subarray(i * MAX_CHUNK_BYTES, (i + 1) * MAX_CHUNK_BYTES),
  );
}

function slotFiles({ bootFiles, manifest, signatures }: StagedBuild): [string, Uint8Array][] {
  return [...bootFiles, ['manifest.sig.json', signatures], ['manifest.json', manifest]];
}

function ownText(layout: BootLoaderLayout, slot: Slot, { kernelArgs }: StagedBuild): string {
  const own = layout.ownFile(slot);
  const rootPartitionGuid = diskGuid(HOSTNAME, SLOT_PARTITION[slot]);
  return own.format(formatCmdline({ rootPartitionGuid, slot, kernelArgs }), own.sizeBytes);
}

async function writeDisk(
  path: string,
  layout: BootLoaderLayout,
  build: StagedBuild,
  shared: StagedFiles['shared'],
  directory: string,
): Promise<void> {
  const disk = await FileDevice.create(path, LAYOUT.diskBytes);
  const boot = partition(disk, 1);
  await writeFat(boot, {
    sizeBytes: boot.sizeBytes,
    hiddenSectors: LAYOUT.partitions[0].firstSector,
    label: 'STAGED',
    volumeId: 1,
    timestampSec: TIME_SEC,
    directories: SLOTS,
    zones: SLOTS,
    files: [
      ...[layout.commit.path, ...(layout.trialPath === null ? [] : [layout.trialPath])].map((name) => ({
        path: name,
        content: text(newCommitText(layout, FIRST_SLOT, { bootloaderLines: [] })),
      })),
      ...[...shared].map(([name, bytes]) => ({ path: name, content: sourceOfBytes(bytes) })),
      ...SLOTS.map((slot) => ({
        path: layout.ownFile(slot).path,
        content: text(ownText(layout, slot, build)),
      })),
      ...slotFiles(build).map(([name, bytes]) => ({ path: `a/${name}`, content: sourceOfBytes(bytes) })),
    ],
  });
  await partition(disk, SLOT_PARTITION.a).write(0, build.root);
  const sectors = LAYOUT.diskBytes / SECTOR_BYTES;
  const { primary, backup } = encodeGpt({
    diskGuid: diskGuid(HOSTNAME, 0),
    diskSectors: sectors,
    sectorBytes: SECTOR_BYTES,
    firstUsableSector: 34,
    lastUsableSector: sectors - 34,
    partitions: LAYOUT.partitions.map(({ firstSector, sectorCount }, index) => ({
      typeGuid: PARTITION_TYPE.linuxData,
      guid: diskGuid(HOSTNAME, index + 1),
      name: '',
      firstSector,
      lastSector: firstSector + sectorCount - 1,
    })),
  });
  await disk.write(SECTOR_BYTES, primary);
  await disk.write(LAYOUT.diskBytes - backup.length, backup);
  const [{ firstSector, sectorCount }] = LAYOUT.partitions;
  await disk.write(
    0,
    encodeHybridMbr({ diskId: 1, bootFirstSector: firstSector, bootSectorCount: sectorCount }),
  );
  await disk.close();
  makePerm(path, directory);
}

function text(content: string): ByteSource {
  return sourceOfBytes(Buffer.from(content));
}

function makePerm(diskPath: string, directory: string): void {
  const content = join(directory, 'perm');
  mkdirSync(content);
  writeFileSync(join(content, 'kept'), KEPT.content);
  const { firstSector, sectorCount } = LAYOUT.partitions[3];
  const offset = `offset=${firstSector * SECTOR_BYTES}`;
  const args = ['-q', '-F', '-t', 'ext4', '-d', content, '-E', offset, diskPath, `${sectorCount / 2}k`];
  execFileSync(findTool('mke2fs') ?? 'mke2fs', args);
}

function partition(disk: ByteDevice, number: number): ByteDevice {
  const { firstSector, sectorCount } = LAYOUT.partitions[number - 1]!;
  return sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Writes the log that QEMU would write (write-log.ts). Each write is one of the medium's, as those of a device are. */
class RecordingDevice implements ByteDevice {
  readonly sizeBytes: number;
  readonly #device: FileDevice;
  readonly #fd: number;
  #position = SECTOR_BYTES;
  #count = 0;

  constructor(device: FileDevice, logPath: string) {
    this.sizeBytes = device.sizeBytes;
    this.#device = device;
    this.#fd = openSync(logPath, 'w');
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    return this.#device.read(offsetBytes, lengthBytes);
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    await this.#device.write(offsetBytes, bytes);
    const first = Math.floor(offsetBytes / SECTOR_BYTES);
    const end = Math.ceil((offsetBytes + bytes.length) / SECTOR_BYTES);
    this.#append(first, end - first, 0);
    const sectors = await this.#device.read(first * SECTOR_BYTES, (end - first) * SECTOR_BYTES);
    writeSync(this.#fd, sectors, 0, sectors.length, this.#position);
    this.#position += sectors.length;
  }

  async flush(): Promise<void> {
    this.#append(0, 0, 1);
  }

  async close(): Promise<void> {
    const superblock = Buffer.alloc(SECTOR_BYTES);
    superblock.writeBigUInt64LE(0x6a736677736872n, 0);
    superblock.writeBigUInt64LE(1n, 8);
    superblock.writeBigUInt64LE(BigInt(this.#count), 16);
    superblock.writeUInt32LE(SECTOR_BYTES, 24);
    writeSync(this.#fd, superblock, 0, SECTOR_BYTES, 0);
    closeSync(this.#fd);
    await this.#device.close();
  }

  #append(sector: number, count: number, flags: number): void {
    const entry = Buffer.alloc(SECTOR_BYTES);
    entry.writeBigUInt64LE(BigInt(sector), 0);
    entry.writeBigUInt64LE(BigInt(count), 8);
    entry.writeBigUInt64LE(BigInt(flags), 16);
    writeSync(this.#fd, entry, 0, SECTOR_BYTES, this.#position);
    this.#position += SECTOR_BYTES;
    this.#count += 1;
  }
}
