// FAT volumes with two zones for tests, what is on them, and what fsck.fat would say about them.

import assert from 'node:assert/strict';
import { type ByteDevice, type ByteSource, sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { foldName } from '../../../src/formats/fat/names.ts';
import { FatTable, FREE, readFatCopy } from '../../../src/formats/fat/table.ts';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { writeFat } from '../../../src/formats/fat/writer.ts';
import { OWNER, surveyZones, type ZoneMap } from '../../../src/formats/fat/zones.ts';
import { SparseDevice } from './sparse-device.ts';

const MIB = 2 ** 20;
/** The smallest sizes that give four granules of FAT16, and FAT32. */
export const FAT16_BYTES = 6 * MIB;
export const FAT32_BYTES = 256 * MIB;

export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
export const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

export function source(content: string | Uint8Array): ByteSource {
  return sourceOfBytes(typeof content === 'string' ? bytesOf(content) : content);
}

export type Files = Record<string, Uint8Array>;

export const FILES: Files = {
  'EFI/BOOT/BOOTX64.EFI': filled(1500, 1),
  'loader/loader.conf': bytesOf('default a.conf  \n'),
  'a/vmlinuz': filled(7000, 2),
  'a/overlays/first.dtbo': filled(700, 3),
  'a/overlays/second.dtbo': filled(500, 4),
  'b/vmlinuz': filled(4000, 5),
  'b/overlays/first.dtbo': filled(1100, 6),
};

export async function volumeWith(
  sizeBytes: number,
  files: Files = FILES,
  zones: readonly string[] = ['a', 'b'],
): Promise<SparseDevice> {
  const device = new SparseDevice(sizeBytes);
  await writeFat(device, {
    sizeBytes,
    hiddenSectors: 8192,
    label: 'TEST',
    volumeId: 1,
    timestampSec: 1700000000,
    zones,
    files: Object.entries(files).map(([path, content]) => ({ path, content: source(content) })),
  });
  device.log.length = 0;
  return device;
}

/** Every file on the volume, by path. */
export async function filesOn(device: ByteDevice): Promise<Files> {
  const volume = await openFat(device);
  const files: Files = {};
  const visit = async (directory: string): Promise<void> => {
    for (const { name, kind } of await volume.list(directory)) {
      const path = directory === '' ? name : `${directory}/${name}`;
      if (kind === 'directory') await visit(path);
      else files[path] = await volume.readFile(path);
    }
  };
  await visit('');
  return files;
}

/** One string for a set of files, equal if and only if they are. */
export function fingerprint(files: Files): string {
  return Object.entries(files)
    .map(([path, content]) => `${path}=${Buffer.from(content).toString('latin1')}`)
    .sort()
    .join('\n');
}

/** Throws SyntaxError when the volume is damaged. */
export async function survey(device: SparseDevice, zone = 'b'): Promise<{ map: ZoneMap; table: FatTable }> {
  const { geometry } = await openFat(device);
  const table = new FatTable(geometry, await readFatCopy(device, geometry));
  const map = await surveyZones(device, table, (entry) => foldName(entry.name) === foldName(zone), false);
  return { map, table };
}

/** What fsck.fat looks for: damage, clusters that are lost, FAT copies that differ. */
export async function assertClean(device: SparseDevice): Promise<void> {
  const { map, table } = await survey(device);
  const { geometry } = table;
  for (let cluster = 2; cluster < geometry.clusterCount + 2; cluster++) {
    if (map.owner(cluster) !== OWNER.nobody || table.get(cluster) === FREE) continue;
    assert.fail(`cluster ${cluster} is lost`);
  }
  for (let copy = 1; copy < geometry.fatCopies; copy++) {
    assert.equal(Buffer.compare(await readFatCopy(device, geometry, copy), table.bytes), 0);
  }
}
