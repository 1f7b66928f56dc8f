// What updates send and write, without a machine: real builds, put onto the file of a disk by the code that devices have.

import { zstdCompressSync } from 'node:zlib';
import { openSlotInstaller } from '../src/device/update/slot-installer.ts';
import { type ByteDevice, readInto, sliceDevice, sourceOfBytes } from '../src/formats/byte-source.ts';
import { openFat } from '../src/formats/fat/volume.ts';
import { type BuiltImage, buildImage } from '../src/host/build/build-image.ts';
import { openInstance } from '../src/host/config/instance.ts';
import { compressedChunks } from '../src/host/deploy/update/chunk-source.ts';
import { FileDevice } from '../src/host/files/file-device.ts';
import { silentProgress } from '../src/host/progress.ts';
import { BOARDS } from '../src/shared/board/boards.ts';
import { BOOT_PARTITION, diskGuid, layOutDisk, SECTOR_BYTES } from '../src/shared/board/disk-layout.ts';
import { otherSlot, type Slot, SLOT_PARTITION } from '../src/shared/board/slots.ts';
import { layoutOf } from '../src/shared/boot-loader/layout-of.ts';
import { MANIFEST_NAME } from '../src/shared/manifest/manifest.ts';
import { numberChunks } from '../src/shared/manifest/chunk-index.ts';
import { dictionaryOf } from '../src/shared/update/manifest-dictionary.ts';
import type { UpdateLab } from '../test/support/updates/update-lab.ts';
import type { Row } from './figures.ts';

/** What an ordinary card writes in a second. */
const CARD_WRITE_BYTES = 10e6;

/** Counts what goes to the boot partition. */
class CountedDevice implements ByteDevice {
  readonly sizeBytes: number;
  readonly #device: ByteDevice;
  writtenBytes = 0;
  flushes = 0;

  constructor(device: ByteDevice) {
    this.#device = device;
    this.sizeBytes = device.sizeBytes;
  }

  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    return this.#device.read(offsetBytes, lengthBytes);
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    this.writtenBytes += bytes.length;
    await this.#device.write(offsetBytes, bytes);
  }

  async flush(): Promise<void> {
    this.flushes += 1;
  }
}

/** Two changes of one line, the first into a slot that is empty; `lab` does not run, and its disk was not started from. */
export async function measureInstalls(lab: UpdateLab): Promise<Row[]> {
  const disk = await FileDevice.open(lab.diskPath, 'r+');
  try {
    const first = await install(lab, disk, 'two', 'b');
    const second = await install(lab, disk, 'three', 'a');
    return [
      { board: lab.board, change: 'one line of an app, slot empty', ...first },
      { board: lab.board, change: 'one line of an app', ...second },
    ];
  } finally {
    await disk.close();
  }
}

async function install(lab: UpdateLab, disk: FileDevice, word: string, target: Slot): Promise<Row> {
  const source = otherSlot(target);
  const part = (number: number): ByteDevice => {
    const { firstSector, sectorCount } = layOutDisk(disk.sizeBytes).partitions[number - 1]!;
    return sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES);
  };
  lab.speak({ word });
  const instance = await openInstance(lab.directory);
  const board = BOARDS[lab.board];
  const image = await buildImage({ instance, board, offline: false, report: silentProgress });
  try {
    const boot = new CountedDevice(part(BOOT_PARTITION));
    const { hostname, manifest, manifestBytes } = image;
    const installer = await openSlotInstaller({
      disk: {
        source,
        target,
        boot,
        layout: layoutOf(board.boot),
        sourceRoot: part(SLOT_PARTITION[source]),
        targetRoot: part(SLOT_PARTITION[target]),
        rootGuid: async (slot) => diskGuid(hostname, SLOT_PARTITION[slot]),
        dropCaches: async () => {},
      },
      manifest,
      manifestBytes,
      signatureBytes: image.sign(manifest.buildTimeSec),
    });
    const missing = installer.missing();
    // As the client packs it: against the manifest of the slot that runs.
    const before = await (await openFat(boot)).readFile(`${source}/${MANIFEST_NAME}`);
    let sentBytes = zstdCompressSync(dictionaryOf(manifestBytes), {
      dictionary: dictionaryOf(before),
    }).length;
    for await (const bytes of compressedChunks(image, missing, () => {})) sentBytes += bytes.length;
    for (const index of missing) await installer.receive(index, await chunkOf(image, index));
    const { writtenBytes } = await installer.install(() => {});
    return {
      bytesSent: sentBytes,
      bytesWritten: writtenBytes,
      bootBytes: boot.writtenBytes,
      bootFlushes: boot.flushes,
      bootSeconds: boot.writtenBytes / CARD_WRITE_BYTES,
    };
  } finally {
    await image.dispose();
  }
}

async function chunkOf(
  { manifest, rootImagePath, bootFiles }: BuiltImage,
  index: number,
): Promise<Uint8Array> {
  const { file, offsetBytes, lengthBytes } = numberChunks(manifest)[index]!;
  const bytes = new Uint8Array(lengthBytes);
  const content = bootFiles.find(({ path }) => path === file?.path)?.content;
  if (content?.kind === 'bytes') {
    await readInto(sourceOfBytes(content.bytes), offsetBytes, bytes);
    return bytes;
  }
  const device = await FileDevice.open(content?.path ?? rootImagePath, 'r');
  try {
    await device.readInto(offsetBytes, bytes);
  } finally {
    await device.close();
  }
  return bytes;
}
