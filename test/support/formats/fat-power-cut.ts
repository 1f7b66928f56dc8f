// Changes of a FAT volume's zone "b", and what a power cut may leave of each: used with FAT16 by the unit tests
// and with FAT32 and fsck.fat by the tools tier.

import assert from 'node:assert/strict';
import { entriesPerFatSector } from '../../../src/formats/fat/boot-sector.ts';
import { emptyFatZone, type FatEditor, openFatEditor } from '../../../src/formats/fat/editor.ts';
import { OWNER } from '../../../src/formats/fat/zones.ts';
import { makeFatDirectory, removeFatFile, replaceFatFile } from './fat-change.ts';
import {
  assertClean,
  bytesOf,
  type Files,
  filesOn,
  filled,
  fingerprint,
  source,
  survey,
  volumeWith,
} from './fat-volume.ts';
import type { DeviceLog, SectorWrite, SparseDevice } from './sparse-device.ts';

const OPTIONS = { zone: 'b', timestampSec: 1800000000 };
/** With what is there already, more than one sector of a directory holds. */
const SPACIOUS_NAME = 'n'.repeat(160);
/** More than the clusters of one FAT sector hold, with 512 bytes each: what comes next is in another sector. */
const FILLER = { 'b/filler': filled(140_000, 8) };

/** Makes the directory of zone b two clusters long, with their FAT entries in two sectors. */
async function spreadDirectory(device: SparseDevice): Promise<void> {
  await replaceFatFile(device, 'b/filler', source(FILLER['b/filler']), OPTIONS);
  await replaceFatFile(device, `b/${SPACIOUS_NAME}`, source(''), OPTIONS);
}

export interface Scenario {
  name: string;
  /** Comes before, without power cuts. */
  prepare?: (device: SparseDevice) => Promise<unknown>;
  edit: (device: SparseDevice) => Promise<unknown>;
  /** Of several changes, a cut may leave some made and some not. */
  isMany?: true;
  /** What the zone contains afterwards, as far as it changes; null = gone. */
  changes: Record<string, Uint8Array | null>;
}

/** Of three sizes, so that some share sectors of a directory and of the FAT, and the directory has to grow for them. */
const MANY = Object.fromEntries(
  Array.from({ length: 40 }, (_, i) => [`b/overlays/overlay-${i}.dtbo`, filled([0, 300, 1500][i % 3]!, i)]),
);

async function inZone(device: SparseDevice, change: (editor: FatEditor) => Promise<void>): Promise<void> {
  const editor = await openFatEditor(device, OPTIONS);
  await change(editor);
  await editor.flush();
}

async function replaceMany(device: SparseDevice, files: Record<string, Uint8Array>): Promise<void> {
  await inZone(device, (editor) =>
    editor.replaceFiles(Object.entries(files).map(([path, bytes]) => ({ path, content: source(bytes) }))),
  );
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'add many files',
    isMany: true,
    edit: (device) => replaceMany(device, { ...MANY, [`b/${SPACIOUS_NAME}`]: bytesOf('alone') }),
    changes: { ...MANY, [`b/${SPACIOUS_NAME}`]: bytesOf('alone') },
  },
  {
    name: 'replace many files, and add some among them',
    isMany: true,
    prepare: (device) => replaceMany(device, MANY),
    edit: (device) =>
      replaceMany(device, {
        'b/overlays/overlay-1.dtbo': filled(900, 77),
        'b/overlays/new.dtbo': bytesOf('new'),
        'b/overlays/overlay-30.dtbo': filled(900, 78),
        'b/vmlinuz': filled(6000, 7),
      }),
    changes: {
      'b/overlays/overlay-1.dtbo': filled(900, 77),
      'b/overlays/new.dtbo': bytesOf('new'),
      'b/overlays/overlay-30.dtbo': filled(900, 78),
      'b/vmlinuz': filled(6000, 7),
    },
  },
  {
    name: 'remove many files',
    isMany: true,
    prepare: (device) => replaceMany(device, MANY),
    async edit(device) {
      const there = await filesOn(device);
      await inZone(device, (editor) => editor.removeFiles(Object.keys(MANY).filter((path) => path in there)));
    },
    changes: Object.fromEntries(Object.keys(MANY).map((path) => [path, null])),
  },
  {
    name: 'replace a file',
    edit: (device) => replaceFatFile(device, 'b/vmlinuz', source(filled(6000, 7)), OPTIONS),
    changes: { 'b/vmlinuz': filled(6000, 7) },
  },
  {
    name: 'replace a file by an empty one',
    edit: (device) => replaceFatFile(device, 'b/vmlinuz', source(''), OPTIONS),
    changes: { 'b/vmlinuz': bytesOf('') },
  },
  {
    name: 'add a file',
    edit: (device) => replaceFatFile(device, 'b/Über long name → 😀.dtb', source('new'), OPTIONS),
    changes: { 'b/Über long name → 😀.dtb': bytesOf('new') },
  },
  {
    name: 'add a file for which the directory must grow',
    edit: (device) => replaceFatFile(device, `b/overlays/${SPACIOUS_NAME}`, source('new'), OPTIONS),
    changes: { [`b/overlays/${SPACIOUS_NAME}`]: bytesOf('new') },
  },
  {
    name: 'add a file for which the directory must grow into another FAT sector',
    prepare: (device) => replaceFatFile(device, 'b/filler', source(FILLER['b/filler']), OPTIONS),
    edit: (device) => replaceFatFile(device, `b/overlays/${SPACIOUS_NAME}`, source('new'), OPTIONS),
    changes: { [`b/overlays/${SPACIOUS_NAME}`]: bytesOf('new') },
  },
  {
    name: 'remove a file',
    edit: (device) => removeFatFile(device, 'b/vmlinuz', OPTIONS),
    changes: { 'b/vmlinuz': null },
  },
  {
    name: 'remove a directory',
    edit: (device) => removeFatFile(device, 'b/overlays', { ...OPTIONS, recursive: true }),
    changes: { 'b/overlays/first.dtbo': null },
  },
  {
    name: 'make directories',
    edit: (device) => makeFatDirectory(device, 'b/x/y', OPTIONS),
    changes: {},
  },
  {
    name: 'empty the zone',
    edit: (device) => emptyFatZone(device, OPTIONS),
    changes: { 'b/vmlinuz': null, 'b/overlays/first.dtbo': null },
  },
  {
    name: 'empty a zone whose directory is spread over the FAT',
    prepare: spreadDirectory,
    edit: (device) => emptyFatZone(device, OPTIONS),
    changes: {
      'b/vmlinuz': null,
      'b/overlays/first.dtbo': null,
      'b/filler': null,
      [`b/${SPACIOUS_NAME}`]: null,
    },
  },
];

function applied(files: Files, { changes }: Scenario): Files {
  const after = { ...files };
  for (const [path, content] of Object.entries(changes)) {
    if (content === null) delete after[path];
    else after[path] = content;
  }
  return after;
}

/** Sectors that anything but zone b needs: all that the editor must never write. */
async function foreignSectors(device: SparseDevice): Promise<Set<number>> {
  const { map, table } = await survey(device);
  const { geometry } = table;
  const perSector = entriesPerFatSector(geometry);
  const clusterSectors = geometry.clusterBytes / 512;
  const foreign = new Set<number>();
  for (let sector = 0; sector < geometry.dataOffsetBytes / 512; sector++) foreign.add(sector);
  for (let cluster = 2; cluster < geometry.clusterCount + 2; cluster++) {
    if (map.owner(cluster) === OWNER.others) {
      const first = geometry.dataOffsetBytes / 512 + (cluster - 2) * clusterSectors;
      for (let i = 0; i < clusterSectors; i++) foreign.add(first + i);
    } else if (map.isApart(cluster)) {
      const inFat = Math.floor(cluster / perSector);
      for (let copy = 0; copy < geometry.fatCopies; copy++) {
        foreign.delete((geometry.fatOffsetBytes + copy * geometry.fatBytes) / 512 + inFat);
      }
    }
  }
  return foreign;
}

export interface RecordedEdit {
  scenario: Scenario;
  before: SparseDevice;
  filesBefore: Files;
  filesAfter: Files;
  log: DeviceLog;
}

/** Runs the change, and checks that it does what it should and writes nothing that others need. */
export async function recordEdit(sizeBytes: number, scenario: Scenario): Promise<RecordedEdit> {
  const prepared = await volumeWith(sizeBytes);
  await scenario.prepare?.(prepared);
  const before = prepared.clone();
  const filesBefore = await filesOn(before);
  const filesAfter = applied(filesBefore, scenario);
  const device = before.clone();
  await scenario.edit(device);
  assert.equal(fingerprint(await filesOn(device)), fingerprint(filesAfter));
  await assertClean(device);
  const foreign = await foreignSectors(before);
  for (const entry of device.log) {
    assert.ok(entry === 'flush' || !foreign.has(entry.sector), `wrote sector ${JSON.stringify(entry)}`);
  }
  return { scenario, before, filesBefore, filesAfter, log: device.log };
}

/** Throws unless all files outside the zone are intact, and those inside are the old or the new ones. */
export async function assertOldOrNew(disk: SparseDevice, recorded: RecordedEdit): Promise<void> {
  const { scenario, filesBefore, filesAfter } = recorded;
  const now = await filesOn(disk);
  // Each change by itself, where there are many.
  const paths = new Set([now, filesBefore, filesAfter].flatMap((files) => Object.keys(files)));
  const parts = scenario.isMany ? [...paths].map((path) => [path]) : [[...paths]];
  for (const part of parts) {
    const [found, old, fresh] = [now, filesBefore, filesAfter].map((files) => fingerprintOf(files, part));
    assert.ok(found === old || found === fresh, `${part.join(', ')}: neither the old nor the new`);
  }
  // Throws at any damage.
  await survey(disk);
}

function fingerprintOf(files: Files, paths: readonly string[]): string {
  return fingerprint(
    Object.fromEntries(paths.flatMap((path) => (path in files ? [[path, files[path]!]] : []))),
  );
}

/** The same change after a power cut: it works, and nothing remains of what the cut left. */
export async function assertMended(disk: SparseDevice, recorded: RecordedEdit): Promise<SparseDevice> {
  const mended = disk.clone();
  try {
    await recorded.scenario.edit(mended);
  } catch (error) {
    // What is to be removed was gone already.
    assert.equal((error as { code?: unknown }).code, 'ENOENT');
  }
  await replaceFatFile(mended, 'b/last', source('x'), OPTIONS);
  await assertClean(mended);
  const expected = { ...recorded.filesAfter, 'b/last': bytesOf('x') };
  assert.equal(fingerprint(await filesOn(mended)), fingerprint(expected));
  return mended;
}

/** The log cut at its flushes; what is between two of them may reach the medium in any order. */
export function segmentsOf(log: DeviceLog): SectorWrite[][] {
  const segments: SectorWrite[][] = [[]];
  for (const entry of log) {
    if (entry === 'flush') segments.push([]);
    else segments.at(-1)!.push(entry);
  }
  return segments.filter((segment) => segment.length > 0);
}
