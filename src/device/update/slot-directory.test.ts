import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { PC_LAYOUT } from '../../../test/support/boot-loader/pc-layout.ts';
import { PREFIX_LAYOUT } from '../../../test/support/boot-loader/prefix-loader.ts';
import { crossLink, slotDisk, type SlotDisk, testImage } from '../../../test/support/updates/slot-disk.ts';
import { replaceFatFile } from '../../../test/support/formats/fat-change.ts';
import { filesOn } from '../../../test/support/formats/fat-volume.ts';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import { sourceOfBytes } from '../../formats/byte-source.ts';
import type { OwnFile } from '../../shared/boot-loader/boot-loader-layout.ts';
import { foldName } from '../../formats/fat/names.ts';
import { FatSpaceError } from '../../formats/fat/layout.ts';
import { readSlotManifest, SlotDirectory, type SlotFile } from './slot-directory.ts';

const TIMESTAMP_SEC = 1_750_000_000;
const KERNEL = sampleBytes(20_000, 1);

const image = testImage({
  root: sampleBytes(5_000, 2),
  bootFiles: { vmlinuz: KERNEL, 'overlays/first.dtbo': sampleBytes(900, 3), 'old.txt': sampleBytes(10, 4) },
});

async function disk(zones?: readonly string[]): Promise<SlotDisk> {
  return slotDisk(await image, await image, zones ? { zones } : {});
}

function directoryOf({ boot }: SlotDisk, own: readonly OwnFile[] = []): SlotDirectory {
  return new SlotDirectory(boot, 'b', own, TIMESTAMP_SEC);
}

function fileOf(path: string, bytes: Uint8Array): SlotFile {
  return { path, sizeBytes: bytes.length, sha256: hash('sha256', bytes), content: sourceOfBytes(bytes) };
}

const FILES = [
  fileOf('vmlinuz', sampleBytes(30_000, 5)),
  fileOf('overlays/second.dtbo', sampleBytes(700, 6)),
  fileOf('overlays/first.dtbo', sampleBytes(900, 3)),
];

async function slotFiles({ boot }: SlotDisk): Promise<string[]> {
  const paths = Object.keys(await filesOn(boot));
  return paths.filter((path) => path.startsWith('b/')).toSorted();
}

/** The sets of files that the slot had, from one flush to the next. */
async function statesOf(slots: SlotDisk, act: () => Promise<void>): Promise<string[][]> {
  const { boot } = slots.devices;
  const replayed = boot.clone();
  await act();
  const states: string[][] = [];
  for (const entry of boot.log) {
    if (entry !== 'flush') {
      replayed.replay(entry);
      continue;
    }
    const now = Object.keys(await filesOn(replayed)).filter((path) => path.startsWith('b/'));
    if (states.at(-1)?.join() !== now.join()) states.push(now);
  }
  return states;
}

test('SlotDirectory.write makes it what it should be: the kernel goes first and comes last', async () => {
  const slots = await disk();
  const directory = directoryOf(slots);
  const before = await slotFiles(slots);
  const kept = await directory.present(FILES);
  assert.deepEqual([...kept], [foldName('overlays/first.dtbo')]);
  const states = await statesOf(slots, () => directory.write(FILES, kept));
  const withoutKernel = before.filter((path) => path !== 'b/vmlinuz');
  assert.deepEqual([states[0]?.toSorted(), states[1]?.toSorted()], [before, withoutKernel]);
  const hasKernel = states.map((paths) => paths.includes('b/vmlinuz'));
  assert.equal(hasKernel.indexOf(true, 1), states.length - 1);
  assert.deepEqual(await slotFiles(slots), [
    'b/manifest.json',
    'b/overlays/first.dtbo',
    'b/overlays/second.dtbo',
    'b/vmlinuz',
  ]);
  await directory.check(FILES, () => {});
});

test('SlotDirectory.write leaves a kernel that does not change', async () => {
  const slots = await disk();
  const directory = directoryOf(slots);
  const files = [fileOf('vmlinuz', KERNEL), fileOf('overlays/first.dtbo', sampleBytes(10, 7))];
  const states = await statesOf(slots, async () => directory.write(files, await directory.present(files)));
  assert.ok(states.every((paths) => paths.includes('b/vmlinuz')));
});

test('SlotDirectory.write: a directory in the place of a file, and a file in that of a directory', async () => {
  const slots = await disk();
  const directory = directoryOf(slots);
  const files = [fileOf('overlays', sampleBytes(10, 7)), fileOf('old.txt/new', sampleBytes(10, 8))];
  await directory.write(files, new Set());
  assert.deepEqual(await slotFiles(slots), ['b/manifest.json', 'b/old.txt/new', 'b/overlays']);
});

test('SlotDirectory.unmark takes the manifest away, mark brings one back', async () => {
  const slots = await disk();
  const directory = directoryOf(slots);
  const { manifest, manifestBytes } = await image;
  assert.deepEqual(await readSlotManifest(slots.boot, 'b'), manifest);
  await directory.unmark();
  assert.equal(await readSlotManifest(slots.boot, 'b'), undefined);
  // There is nothing to take away any more.
  slots.devices.boot.log.length = 0;
  await directory.unmark();
  assert.deepEqual(slots.devices.boot.log, []);
  await directory.mark(fileOf('manifest.json', manifestBytes));
  assert.deepEqual(await readSlotManifest(slots.boot, 'b'), manifest);
});

test('SlotDirectory.unmark empties a damaged directory', async () => {
  const slots = await disk();
  await crossLink(slots);
  const directory = directoryOf(slots);
  assert.equal(await directory.isSound(), false);
  await directory.unmark();
  assert.equal(await directory.isSound(), true);
  assert.deepEqual(await slotFiles(slots), []);
  await directory.write(FILES, new Set());
  await directory.check(FILES, () => {});
});

test("SlotDirectory leaves alone what is the boot loader's own, and makes it where it is missing", async () => {
  const slots = await slotDisk(await image, await image, { layout: PREFIX_LAYOUT });
  const own = PREFIX_LAYOUT.ownFile('b');
  const bytes = Buffer.from(own.format('ro', own.sizeBytes));
  const directory = directoryOf(slots, [own]);
  const before = (await filesOn(slots.boot))[own.path];
  await directory.write(FILES, new Set());
  await directory.makeOwn({ path: own.path, bytes });
  assert.deepEqual((await filesOn(slots.boot))[own.path], before);
  await crossLink(slots);
  await directory.unmark();
  assert.deepEqual(await slotFiles(slots), []);
  await directory.makeOwn({ path: own.path, bytes });
  assert.deepEqual(Buffer.from((await filesOn(slots.boot))[own.path]!), bytes);
  // Nobody has told this one of it.
  await directoryOf(slots).write(FILES, new Set());
  assert.ok(!(await slotFiles(slots)).includes(own.path));
});

test('SlotDirectory.makeOwn leaves alone what lies outside the slot, and was laid out with the disk', async () => {
  const slots = await disk();
  const own = PC_LAYOUT.ownFile('b');
  slots.devices.boot.log.length = 0;
  await directoryOf(slots, [own]).makeOwn({ path: own.path, bytes: Buffer.from('other') });
  assert.deepEqual(slots.devices.boot.log, []);
});

test('SlotDirectory: where slots share FAT sectors, they do not any more afterwards', async () => {
  const slots = await disk([]);
  const { boot } = slots.devices;
  const whenApart = { zone: 'b', timestampSec: TIMESTAMP_SEC };
  await assert.rejects(
    replaceFatFile(boot, 'b/vmlinuz', sourceOfBytes(KERNEL), whenApart),
    /without rewriting/,
  );
  const before = await filesOn(boot);
  const directory = directoryOf(slots);
  await directory.unmark();
  await directory.write(FILES, new Set());
  await directory.check(FILES, () => {});
  const after = await filesOn(boot);
  for (const [path, bytes] of Object.entries(before)) {
    if (!path.startsWith('b/')) assert.ok(after[path] && Buffer.compare(after[path], bytes) === 0, path);
  }
  assert.deepEqual(await replaceFatFile(boot, 'b/vmlinuz', sourceOfBytes(KERNEL), whenApart), {
    keptApart: true,
  });
});

test('SlotDirectory.checkRoom counts what files leave behind', async () => {
  const directory = directoryOf(await disk());
  await directory.checkRoom([3_000_000], new Set());
  await assert.rejects(directory.checkRoom([7_000_000], new Set()), FatSpaceError);
});

test('SlotDirectory.checkRoom counts what the boot loader has for itself and still has to be made', async () => {
  const own = { ...PREFIX_LAYOUT.ownFile('b'), sizeBytes: 4_000_000 };
  const slots = await slotDisk(await image, await image);
  const room = 3_000_000;
  await directoryOf(slots).checkRoom([room], new Set());
  await assert.rejects(directoryOf(slots, [own]).checkRoom([room], new Set()), FatSpaceError);
});

test('SlotDirectory.check finds what is not as it should be', async () => {
  const directory = directoryOf(await disk());
  const wanted = [fileOf('vmlinuz', sampleBytes(20_000, 9))];
  await assert.rejects(
    directory.check(wanted, () => {}),
    /has not kept "b\/vmlinuz"/,
  );
  await assert.rejects(
    directory.check([fileOf('none', KERNEL)], () => {}),
    /has not kept "b\/none"/,
  );
});
