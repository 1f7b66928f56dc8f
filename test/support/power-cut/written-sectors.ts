// What an update may write at all: nothing of the running slot, nothing of the partition tables, and of the boot
// partition only what belongs to the other slot, until one sector of the boot loader's file commits it.

import { entriesPerFatSector } from '../../../src/formats/fat/boot-sector.ts';
import { FatTable, readFatCopy } from '../../../src/formats/fat/table.ts';
import { type FatVolume, openFat } from '../../../src/formats/fat/volume.ts';
import { OWNER, surveyZones } from '../../../src/formats/fat/zones.ts';
import { renewedFiles } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { otherSlot, type Slot, SLOT_PARTITION } from '../../../src/shared/board/slots.ts';
import { type DiskChecker, slice } from './check-disk.ts';
import type { DiskState } from './recorded-disk.ts';
import type { WriteLog } from './write-log.ts';

const SECTOR_BYTES = 512;

/** Sectors of the whole disk, and what they are to hold. */
type KeptSectors = ReadonlyMap<number, Uint8Array>;

export interface WriteRules {
  /** Of the boot partition and the tables. */
  kept: KeptSectors;
  /** Sectors of the running slot's root: not even the same bytes are written there. */
  root: { first: number; end: number };
  /** The sector that says which slot is committed. */
  commitSector: number;
  /** Of the root directory, where files that both slots need are replaced after the commit. */
  renewed: ReadonlySet<number>;
}

export async function writeRules(disk: DiskState, checker: DiskChecker, running: Slot): Promise<WriteRules> {
  const kept = new Map<number, Uint8Array>();
  const keep = async (offsetBytes: number, lengthBytes: number): Promise<void> => {
    const bytes = await disk.read(offsetBytes, lengthBytes);
    for (let at = 0; at < lengthBytes; at += SECTOR_BYTES) {
      kept.set((offsetBytes + at) / SECTOR_BYTES, bytes.subarray(at, at + SECTOR_BYTES));
    }
  };
  for (const { offsetBytes, lengthBytes } of checker.tables) await keep(offsetBytes, lengthBytes);
  const boot = checker.partition(1);
  const others = await sectorsOfOthers(disk, checker, otherSlot(running));
  for (const sector of others) await keep(boot.offsetBytes + sector * SECTOR_BYTES, SECTOR_BYTES);
  const volume = await checker.openBoot(disk);
  const sectorsOf = async (path: string): Promise<number[]> =>
    (await volume.extents(path)).flatMap(({ offsetBytes, lengthBytes }) =>
      Array.from(
        { length: Math.ceil(lengthBytes / SECTOR_BYTES) },
        (_, i) => (boot.offsetBytes + offsetBytes) / SECTOR_BYTES + i,
      ),
    );
  const { layout } = checker.board;
  const { trialPath } = layout;
  const ofTrials = [layout.ownFile(otherSlot(running)).path, ...(trialPath === null ? [] : [trialPath])];
  for (const path of ofTrials) for (const sector of await sectorsOf(path)) kept.delete(sector);
  const root = checker.partition(SLOT_PARTITION[running]);
  return {
    kept,
    root: {
      first: root.offsetBytes / SECTOR_BYTES,
      end: (root.offsetBytes + root.lengthBytes) / SECTOR_BYTES,
    },
    commitSector: (await sectorsOf(layout.commit.path))[0]!,
    renewed: new Set(
      renewedFiles(layout).length === 0 ? [] : rootSectors(volume, boot.offsetBytes / SECTOR_BYTES),
    ),
  };
}

/** Number of the write that commits the other slot; undefined: there is none. */
export function findCommit(log: WriteLog, from: number, rules: WriteRules): number | undefined {
  const before = rules.kept.get(rules.commitSector)!;
  const index = log.entries.findIndex((entry, number) => {
    if (number < from || entry.kind !== 'write') return false;
    const at = rules.commitSector * SECTOR_BYTES - entry.offsetBytes;
    if (at < 0 || at >= entry.lengthBytes) return false;
    return Buffer.compare(log.dataOf(entry).subarray(at, at + SECTOR_BYTES), before) !== 0;
  });
  return index < 0 ? undefined : index;
}

/** A line for each write that changes what it must not. */
export function findForbiddenWrites(
  log: WriteLog,
  from: number,
  rules: WriteRules,
  commit: number | undefined,
): string[] {
  const problems: string[] = [];
  for (const [number, entry] of log.entries.entries()) {
    if (number < from || entry.kind === 'flush') continue;
    const first = entry.offsetBytes / SECTOR_BYTES;
    const end = first + entry.lengthBytes / SECTOR_BYTES;
    if (first < rules.root.end && end > rules.root.first) {
      problems.push(`write ${number} goes to the running root`);
    }
    // A large write is read only where it touches what is kept.
    const touched = Array.from({ length: end - first }, (_, i) => first + i).filter((sector) =>
      rules.kept.has(sector),
    );
    if (touched.length === 0) continue;
    const data = entry.kind === 'write' ? log.dataOf(entry) : new Uint8Array(entry.lengthBytes);
    for (const sector of touched) {
      const isAfter = commit !== undefined && number >= commit;
      if (isAfter && (sector === rules.commitSector || rules.renewed.has(sector))) continue;
      const at = (sector - first) * SECTOR_BYTES;
      const now = data.subarray(at, at + SECTOR_BYTES);
      if (Buffer.compare(now, rules.kept.get(sector)!) !== 0) {
        problems.push(`write ${number} changes sector ${sector}, which the update must not change`);
      }
    }
  }
  return problems;
}

/** Of a FAT16, which has its root directory in one place; a FAT32's is a file like any other. */
function rootSectors({ geometry }: FatVolume, firstSector: number): number[] {
  const { rootOffsetBytes, rootBytes } = geometry;
  const first = firstSector + rootOffsetBytes / SECTOR_BYTES;
  return Array.from({ length: rootBytes / SECTOR_BYTES }, (_, index) => first + index);
}

/** Sectors of the boot partition that anything but the slot's directory needs, FAT sectors among them. */
async function sectorsOfOthers(disk: DiskState, checker: DiskChecker, slot: Slot): Promise<Set<number>> {
  const source = slice(disk, checker.partition(1));
  const { geometry } = await openFat(source);
  const table = new FatTable(geometry, await readFatCopy(source, geometry));
  const map = await surveyZones(source, table, (entry) => entry.name.toLowerCase() === slot, false);
  const dataSector = geometry.dataOffsetBytes / SECTOR_BYTES;
  const clusterSectors = geometry.clusterBytes / SECTOR_BYTES;
  const perFatSector = entriesPerFatSector(geometry);
  const sectors = new Set<number>();
  const add = (first: number, count: number): void => {
    for (let i = 0; i < count; i++) sectors.add(first + i);
  };
  // Boot sector and what is reserved, and FAT16's root directory.
  add(0, geometry.fatOffsetBytes / SECTOR_BYTES);
  const fatsEnd = (geometry.fatOffsetBytes + geometry.fatCopies * geometry.fatBytes) / SECTOR_BYTES;
  add(fatsEnd, dataSector - fatsEnd);
  for (let cluster = 2; cluster < geometry.clusterCount + 2; cluster++) {
    if (map.owner(cluster) !== OWNER.others) continue;
    add(dataSector + (cluster - 2) * clusterSectors, clusterSectors);
    const inFat = Math.floor(cluster / perFatSector);
    for (let copy = 0; copy < geometry.fatCopies; copy++) {
      add((geometry.fatOffsetBytes + copy * geometry.fatBytes) / SECTOR_BYTES + inFat, 1);
    }
  }
  return sectors;
}
