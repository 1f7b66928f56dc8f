// Updates of a slot that take longer than unit tests may: many random histories, each write of one update as the last
// one before a power cut, and memory with an image of real size.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import * as fc from 'fast-check';
import { openSlotInstaller } from '../../src/device/update/slot-installer.ts';
import {
  assertInstalled,
  assertSourceUntouched,
  isMarked,
  PowerCut,
  slotDisk,
  type SlotDisk,
  type TestImage,
  testImage,
} from '../support/updates/slot-disk.ts';
import { PC_LAYOUT } from '../support/boot-loader/pc-layout.ts';
import { PREFIX_LAYOUT } from '../support/boot-loader/prefix-loader.ts';
import { history, imageOf, runHistory } from '../support/updates/slot-scenario.ts';
import type { SparseDevice } from '../support/formats/sparse-device.ts';

const MIB = 1024 * 1024;

async function update(disk: SlotDisk, image: TestImage): Promise<void> {
  const { manifest, manifestBytes, signatureBytes, chunks } = image;
  const installer = await openSlotInstaller({ disk, manifest, manifestBytes, signatureBytes });
  for (const index of installer.missing()) await installer.receive(index, chunks[index]!);
  await installer.install(() => {});
}

for (const [name, layout, numRuns] of [
  ['a PC', PC_LAYOUT, 100],
  ['a board with command lines in the slots', PREFIX_LAYOUT, 30],
] as const) {
  test(`random histories on ${name}: the slot becomes the new image, and nothing is sent twice`, async () => {
    const property = fc.asyncProperty(history, (scenario) => runHistory(scenario, layout));
    await fc.assert(property, { seed: 66, numRuns });
  });
}

test('a power cut in any write: the slot is whole or does not count, and the next update completes it', async (t) => {
  const running = await imageOf({ versions: [0, 0, 0, 0, 0, 0, 0, 0], kernel: 0, overlay: 0, signedBy: 0 });
  const other = await imageOf({ versions: [1, 0, 1, 0, 1, 0, -1, 0], kernel: 1, overlay: 1, signedBy: 0 });
  const next = await imageOf({ versions: [0, 1, 1, 0, -1, 1, 0, 1], kernel: 2, overlay: -1, signedBy: 1 });
  const before = await slotDisk(running, other);
  const uncut = before.clone();
  await update(uncut, next);
  const cuts = uncut.writes.flatMap((sectors, writesLeft) =>
    cutsOf(sectors).map((sectorsLeft) => ({ writesLeft, sectorsLeft })),
  );
  for (const cut of cuts) {
    const disk = Object.assign(before.clone(), cut);
    await assert.rejects(update(disk, next), PowerCut);
    for (const losesAll of [false, true]) {
      const left = disk.afterPowerCut(before, () => !losesAll);
      await assertSourceUntouched(left, before);
      if (await isMarked(left)) await assertEither(left, [other, next], before);
      await update(left, next);
      await assertInstalled(left, next, before);
    }
  }
  t.diagnostic(`${cuts.length} power cuts in ${uncut.writes.length} writes`);
});

/** After which sectors of a write to cut: each, or some of many. */
function cutsOf(sectors: number): number[] {
  if (sectors <= 4) return Array.from({ length: sectors }, (_, i) => i);
  return [0, 1, Math.floor(sectors / 2), sectors - 1];
}

async function assertEither(disk: SlotDisk, images: readonly TestImage[], before: SlotDisk): Promise<void> {
  const outcomes = await Promise.allSettled(images.map((image) => assertInstalled(disk, image, before)));
  assert.ok(
    outcomes.some(({ status }) => status === 'fulfilled'),
    'the slot counts as whole and is not',
  );
}

test('an update of 66 MB takes less than 32 MB of memory', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-test-memory-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const image = await largeImage(Buffer.alloc(0));
  const running = await largeImage(image.root.subarray(0, 30 * MIB));
  const disk = await slotDisk(running, undefined, {
    bootPartitionBytes: 256 * MIB,
    rootPartitionBytes: 500 * MIB,
  });
  const { boot, sourceRoot, targetRoot } = disk.devices;
  for (const [name, device] of Object.entries({ boot, 'root-a': sourceRoot, 'root-b': targetRoot })) {
    await writeDevice(join(directory, name), device);
  }
  const files = { 'manifest.json': image.manifestBytes, 'root.img': image.root, ...image.bootFiles };
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(directory, name), bytes);

  const program = join(import.meta.dirname, '..', 'support', 'updates', 'install-in-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [program, directory]);
  const { grownBytes, writtenBytes, reusedBytes } = JSON.parse(stdout) as Record<string, number>;
  t.diagnostic(`${Math.round(grownBytes! / MIB)} MiB of memory, ${writtenBytes} bytes written`);
  assert.equal(reusedBytes, 30 * MIB);
  assert.ok(grownBytes! < 32 * MIB, `${grownBytes} bytes`);
});

/** 50 MiB that no compression shrinks, starting with `shared`, and a kernel of 16 MiB. */
async function largeImage(shared: Uint8Array): Promise<TestImage> {
  const root = randomFillSync(Buffer.alloc(50 * MIB));
  root.set(shared);
  const rootBorders = Array.from({ length: 50 * 16 + 1 }, (_, i) => (i * MIB) / 16);
  return testImage({ root, rootBorders, bootFiles: { vmlinuz: randomFillSync(Buffer.alloc(16 * MIB)) } });
}

async function writeDevice(path: string, device: SparseDevice): Promise<void> {
  await writeFile(path, '');
  await truncate(path, device.sizeBytes);
  await using file = await open(path, 'r+');
  for (const { offsetBytes, bytes } of device.written())
    await file.write(bytes, 0, bytes.length, offsetBytes);
}
