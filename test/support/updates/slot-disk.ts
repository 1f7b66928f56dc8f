// A disk with two slots in memory, images to put on it, and what the slots have to be afterwards.

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { type ByteDevice, type ByteSource, sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { writeFat } from '../../../src/formats/fat/writer.ts';
import { encodeEntry, planInsertion } from '../../../src/formats/fat/directory.ts';
import { FatTable, readFatCopy } from '../../../src/formats/fat/table.ts';
import { directorySectorOffset, resolveDirectory } from '../../../src/formats/fat/tree.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import type { SquashfsEntry } from '../../../src/formats/squashfs/writer.ts';
import { chunkBorders, hashChunks } from '../../../src/host/build/chunks.ts';
import { LoaderFiles } from '../../../src/device/boot-loader/loader-files.ts';
import type { UpdateDisk } from '../../../src/device/update/update-disk.ts';
import { numberChunks } from '../../../src/shared/manifest/chunk-index.ts';
import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { type Manifest, MANIFEST_NAME } from '../../../src/shared/manifest/manifest.ts';
import { SIGNATURES_NAME } from '../../../src/shared/manifest/manifest-signature.ts';
import { type Slot, SLOTS } from '../../../src/shared/board/slots.ts';
import { PC_LAYOUT } from '../boot-loader/pc-layout.ts';
import { loaderFilesOf, ownFileOf, rootGuidOf } from '../formats/boot-volume.ts';
import { filesOn } from '../formats/fat-volume.ts';
import { SparseDevice } from '../formats/sparse-device.ts';
import { imageInMemory } from '../formats/squashfs-image.ts';

const BOOT_BYTES = 6 * 1024 * 1024;
export const ROOT_PARTITION_BYTES = 4 * 1024 * 1024;
const BOOT_CHUNK_BYTES = 16 * 1024;

/** A build, as it comes from the host. */
export interface TestImage {
  manifest: Manifest;
  manifestBytes: Uint8Array;
  signatureBytes: Uint8Array;
  root: Uint8Array;
  bootFiles: Readonly<Record<string, Uint8Array>>;
  /** By number. */
  chunks: readonly Uint8Array[];
}

export interface TestImageParts {
  root: Uint8Array;
  rootBorders?: readonly number[];
  bootFiles: Readonly<Record<string, Uint8Array>>;
  kernelArgs?: readonly string[];
  signedBy?: string;
}

export async function testImage(parts: TestImageParts): Promise<TestImage> {
  const { root, bootFiles, kernelArgs = ['ro'], signedBy = 'somebody' } = parts;
  const borders = parts.rootBorders ?? bordersEvery(BOOT_CHUNK_BYTES, root.length);
  const rootDigest = await hashChunks(sourceOfBytes(root), borders);
  const files = await Promise.all(
    Object.entries(bootFiles).map(async ([path, bytes]) => {
      const digest = await hashChunks(sourceOfBytes(bytes), bordersEvery(BOOT_CHUNK_BYTES, bytes.length));
      return { path, sizeBytes: bytes.length, ...digest };
    }),
  );
  const manifest: Manifest = {
    formatVersion: 1,
    buildId: hash('sha256', JSON.stringify([rootDigest, files, kernelArgs])),
    hostname: 'garden',
    board: 'pc-amd64',
    arch: 'amd64',
    tskrazyVersion: '0.1.0',
    buildTimeSec: 1_750_000_000,
    components: {},
    kernelArgs,
    systemSha256: '0'.repeat(64),
    apps: [],
    bootFiles: files,
    root: { sizeBytes: root.length, ...rootDigest },
    minLayout: { rootPartitionBytes: root.length, bootPartitionBytes: 0 },
  };
  const chunks = numberChunks(manifest).map(({ file, offsetBytes, lengthBytes }) =>
    (file ? bootFiles[file.path]! : root).subarray(offsetBytes, offsetBytes + lengthBytes),
  );
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  return { manifest, manifestBytes, signatureBytes: Buffer.from(signedBy), root, bootFiles, chunks };
}

/** With the root image that the squashfs writer makes of the entries, cut as builds are. */
export async function testImageOf(
  entries: readonly SquashfsEntry[],
  parts: Omit<TestImageParts, 'root' | 'rootBorders'>,
): Promise<TestImage> {
  const image = await imageInMemory(entries);
  return testImage({ ...parts, root: image.bytes.slice(), rootBorders: chunkBorders(image) });
}

function bordersEvery(stepBytes: number, endBytes: number): number[] {
  const borders: number[] = [];
  for (let border = 0; border < endBytes; border += stepBytes) borders.push(border);
  return [...borders, endBytes];
}

export interface SlotDiskOptions {
  /** Default: that of a PC. */
  layout?: BootLoaderLayout;
  /** Laid out so that nobody else needs their sectors. */
  zones?: readonly string[];
  rootPartitionBytes?: number;
  bootPartitionBytes?: number;
}

/** Slot a runs `running`; slot b is `other`, and without one it is empty. */
export async function slotDisk(
  running: TestImage,
  other?: TestImage,
  options: SlotDiskOptions = {},
): Promise<SlotDisk> {
  const {
    layout = PC_LAYOUT,
    zones = SLOTS,
    rootPartitionBytes = ROOT_PARTITION_BYTES,
    bootPartitionBytes = BOOT_BYTES,
  } = options;
  const boot = new SparseDevice(bootPartitionBytes);
  const images = { a: running, b: other ?? running };
  const files: Record<string, Uint8Array> = {
    ...slotFilesOf('a', running),
    ...(other && slotFilesOf('b', other)),
  };
  const ofLoader = loaderFilesOf(layout, (slot) => images[slot].manifest.kernelArgs);
  for (const [path, text] of Object.entries(ofLoader)) files[path] = Buffer.from(text);
  await writeFat(boot, {
    sizeBytes: bootPartitionBytes,
    hiddenSectors: 8192,
    label: 'TSKBOOT',
    volumeId: 1,
    timestampSec: 1_700_000_000,
    zones,
    directories: SLOTS,
    files: Object.entries(files).map(([path, bytes]) => ({ path, content: sourceOfBytes(bytes) })),
  });
  const roots = { a: new SparseDevice(rootPartitionBytes), b: new SparseDevice(rootPartitionBytes) };
  roots.a.poke(0, running.root);
  if (other) roots.b.poke(0, other.root);
  for (const device of [boot, roots.a, roots.b]) device.log.length = 0;
  return new SlotDisk(layout, boot, roots.a, roots.b);
}

function slotFilesOf(slot: Slot, image: TestImage): Record<string, Uint8Array> {
  const files = {
    ...image.bootFiles,
    [MANIFEST_NAME]: image.manifestBytes,
    [SIGNATURES_NAME]: image.signatureBytes,
  };
  return Object.fromEntries(Object.entries(files).map(([path, bytes]) => [`${slot}/${path}`, bytes]));
}

/** Gives slot b a file on clusters that belong to slot a, as only a broken system would. */
export async function crossLink({ devices: { boot } }: SlotDisk): Promise<void> {
  const { geometry } = await openFat(boot);
  const table = new FatTable(geometry, await readFatCopy(boot, geometry));
  const [a, b] = [
    await resolveDirectory(boot, table, ['a'], 'open'),
    await resolveDirectory(boot, table, ['b'], 'open'),
  ];
  const kernel = a.entries.find(({ name }) => name === 'vmlinuz')!;
  const entry = encodeEntry({
    ...kernel,
    name: 'LINKED',
    shortName: 'LINKED     ',
    attributes: 0x20,
    timestampSec: 0,
  });
  const { bytes, sectors } = planInsertion(b.bytes, geometry.sectorBytes, entry)!;
  for (const index of sectors) {
    const start = index * geometry.sectorBytes;
    boot.poke(directorySectorOffset(geometry, b, index), bytes.subarray(start, start + geometry.sectorBytes));
  }
}

/** Thrown by a disk at the write that it was told to fail at. */
export class PowerCut extends Error {}

export class SlotDisk implements UpdateDisk {
  readonly source = 'a';
  readonly target = 'b';
  readonly layout: BootLoaderLayout;
  readonly boot: ByteDevice;
  readonly sourceRoot: ByteSource;
  readonly targetRoot: ByteDevice;
  readonly devices: { boot: SparseDevice; sourceRoot: SparseDevice; targetRoot: SparseDevice };
  /** Writes that still succeed, and sectors of the one after them that still do. */
  writesLeft = Infinity;
  sectorsLeft = 0;
  /** Sectors of each write. */
  readonly writes: number[] = [];

  constructor(
    layout: BootLoaderLayout,
    boot: SparseDevice,
    sourceRoot: SparseDevice,
    targetRoot: SparseDevice,
  ) {
    this.layout = layout;
    this.devices = { boot, sourceRoot, targetRoot };
    this.boot = this.#limited(boot);
    this.sourceRoot = sourceRoot;
    this.targetRoot = this.#limited(targetRoot);
  }

  async rootGuid(slot: Slot): Promise<string> {
    return rootGuidOf(slot);
  }

  async dropCaches(): Promise<void> {}

  clone(): SlotDisk {
    const { boot, sourceRoot, targetRoot } = this.devices;
    return new SlotDisk(this.layout, boot.clone(), sourceRoot.clone(), targetRoot.clone());
  }

  /** What a power cut leaves of this disk, which was `before`: of what was not flushed, what `keeps` says. */
  afterPowerCut(before: SlotDisk, keeps: () => boolean): SlotDisk {
    const disk = before.clone();
    for (const name of ['boot', 'targetRoot'] as const) {
      const { log } = this.devices[name];
      const lastFlush = log.lastIndexOf('flush');
      for (const [i, entry] of log.entries()) {
        if (entry !== 'flush' && (i < lastFlush || keeps())) disk.devices[name].replay(entry);
      }
    }
    return disk;
  }

  #limited(device: SparseDevice): ByteDevice {
    return {
      sizeBytes: device.sizeBytes,
      read: (offsetBytes, lengthBytes) => device.read(offsetBytes, lengthBytes),
      write: async (offsetBytes, bytes) => {
        if (this.writesLeft <= 0) {
          const whole = Math.min(bytes.length, this.sectorsLeft * 512);
          this.sectorsLeft = 0;
          if (whole > 0) await device.write(offsetBytes, bytes.subarray(0, whole));
          throw new PowerCut();
        }
        this.writesLeft--;
        this.writes.push(Math.ceil(bytes.length / 512));
        await device.write(offsetBytes, bytes);
      },
      flush: async () => {
        if (this.writesLeft <= 0) throw new PowerCut();
        await device.flush();
      },
    };
  }
}

/** Slot b is `image` to the last byte, and slot a what it was `before`. */
export async function assertInstalled(disk: SlotDisk, image: TestImage, before: SlotDisk): Promise<void> {
  const root = await disk.targetRoot.read(0, image.root.length);
  assert.ok(Buffer.compare(root, image.root) === 0, 'the root image is another one');
  const own = ownFileOf(disk.layout, 'b', image.manifest.kernelArgs);
  const files = Object.entries(await filesOn(disk.devices.boot)).filter(
    ([path]) => path.startsWith('b/') && path !== own.path,
  );
  assert.deepEqual(digestsOf(files), digestsOf(Object.entries(slotFilesOf('b', image))));
  const start = await new LoaderFiles(disk.layout, disk.boot).startOf('b');
  assert.deepEqual(start, disk.layout.ownFile('b').parse(own.text));
  await assertSourceUntouched(disk, before);
}

function digestsOf(files: readonly [path: string, bytes: Uint8Array][]): Record<string, string> {
  return Object.fromEntries(files.map(([path, bytes]) => [path, hash('sha256', bytes)]));
}

/** Slot a and all that the boot loader needs. */
export async function assertSourceUntouched(disk: SlotDisk, before: SlotDisk): Promise<void> {
  assert.deepEqual(disk.devices.sourceRoot.log, []);
  const now = await filesOn(disk.devices.boot);
  const others = Object.entries(await filesOn(before.devices.boot)).filter(
    ([path]) => !path.startsWith('b/') && path !== disk.layout.ownFile('b').path,
  );
  for (const [path, bytes] of others) {
    assert.ok(now[path] && Buffer.compare(now[path], bytes) === 0, `"${path}" has changed`);
  }
}

/** Whether slot b counts as whole. */
export async function isMarked(disk: SlotDisk): Promise<boolean> {
  const volume = await openFat(disk.boot);
  return (await volume.stat(`b/${MANIFEST_NAME}`)) !== undefined;
}
