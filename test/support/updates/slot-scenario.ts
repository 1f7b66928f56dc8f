// Random histories of a slot: what is in it, updates that are cut off at some write, and one that comes through. Used
// with few runs by the unit tests and with many by the tools tier.

import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import * as fc from 'fast-check';
import { LoaderFiles } from '../../../src/device/boot-loader/loader-files.ts';
import { openSlotInstaller } from '../../../src/device/update/slot-installer.ts';
import { MANIFEST_NAME } from '../../../src/shared/manifest/manifest.ts';
import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { ownFileOf } from '../formats/boot-volume.ts';
import { filesOn } from '../formats/fat-volume.ts';
import {
  assertInstalled,
  assertSourceUntouched,
  crossLink,
  PowerCut,
  ROOT_PARTITION_BYTES,
  slotDisk,
  type SlotDisk,
  type TestImage,
  testImageOf,
} from './slot-disk.ts';
import { file, sampleBytes } from '../formats/squashfs-image.ts';

const SIZES = [0, 100, 5_000, 40_000, 90_000, 150_000, 20_000, 300];
/** Of each file, which of its versions an image has; -1: none. */
const versions = fc.array(fc.integer({ min: -1, max: 1 }), {
  minLength: SIZES.length,
  maxLength: SIZES.length,
});

export interface ImageSeed {
  versions: readonly number[];
  kernel: number;
  overlay: number;
  signedBy: number;
}

const imageSeed: fc.Arbitrary<ImageSeed> = fc.record({
  versions,
  kernel: fc.integer({ min: 0, max: 2 }),
  overlay: fc.integer({ min: -1, max: 1 }),
  signedBy: fc.integer({ min: 0, max: 1 }),
});

export async function imageOf({ versions, kernel, overlay, signedBy }: ImageSeed): Promise<TestImage> {
  const entries = versions.flatMap((version, i) =>
    version < 0 ? [] : [file(`/file-${i}`, sampleBytes(SIZES[i]!, 10 * i + version + 1))],
  );
  return testImageOf(entries, {
    signedBy: `signature ${signedBy}`,
    kernelArgs: ['ro', `kernel=${kernel}`],
    bootFiles: {
      vmlinuz: sampleBytes(60_000, 100 + kernel),
      ...(overlay >= 0 && { 'overlays/first.dtbo': sampleBytes(3_000, 200 + overlay) }),
    },
  });
}

/** Part of the target's root partition that is not what it was. */
interface Patch {
  what: 'old' | 'new' | 'garbage';
  fromBytes: number;
  toBytes: number;
  lengthBytes: number;
}

interface Attempt {
  image: 'next' | 'third';
  /** After so many writes, and sectors of one more, it is cut off. */
  writes: number;
  sectors: number;
  /** Of what was not flushed, whether each sector is lost, over and over; undefined: it is no power cut. */
  losses: readonly boolean[] | undefined;
}

export interface History {
  running: ImageSeed;
  other: ImageSeed | undefined;
  next: ImageSeed;
  third: ImageSeed;
  patches: readonly Patch[];
  damagedDirectory: boolean;
  attempts: readonly Attempt[];
}

const offset = fc.integer({ min: 0, max: 400_000 });

export const history: fc.Arbitrary<History> = fc.record({
  running: imageSeed,
  other: fc.option(imageSeed, { nil: undefined }),
  next: imageSeed,
  third: imageSeed,
  patches: fc.array(
    fc.record({
      what: fc.constantFrom('old', 'new', 'garbage'),
      fromBytes: offset,
      toBytes: fc.oneof(offset, fc.integer({ min: 0, max: ROOT_PARTITION_BYTES - 1 })),
      lengthBytes: offset,
    }),
    { maxLength: 4 },
  ),
  damagedDirectory: fc.boolean(),
  attempts: fc.array(
    fc.record({
      image: fc.constantFrom('next', 'third'),
      writes: fc.nat(60),
      sectors: fc.nat(12),
      losses: fc.option(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
});

async function diskOf(scenario: History, next: TestImage, layout: BootLoaderLayout): Promise<SlotDisk> {
  const running = await imageOf(scenario.running);
  const other = scenario.other && (await imageOf(scenario.other));
  const disk = await slotDisk(running, other, { layout });
  if (scenario.damagedDirectory) await crossLink(disk);
  const { targetRoot } = disk.devices;
  for (const { what, fromBytes, toBytes, lengthBytes } of scenario.patches) {
    const garbage = sampleBytes(lengthBytes, fromBytes);
    const from = { old: other?.root ?? garbage, new: next.root, garbage }[what];
    const start = what === 'garbage' ? 0 : fromBytes;
    const bytes = from.subarray(start, start + Math.min(lengthBytes, ROOT_PARTITION_BYTES - toBytes));
    targetRoot.poke(toBytes, bytes);
  }
  return disk;
}

/** What the client has sent and the device still has to have. */
type Sent = Set<string>;

/** One update, from the offer to the end or to a power cut. */
async function attempt(disk: SlotDisk, image: TestImage, sent: Sent): Promise<boolean> {
  const { manifest, manifestBytes, signatureBytes, chunks } = image;
  const wanted = new Set(chunks.map((bytes) => hash('sha256', bytes)));
  try {
    const installer = await openSlotInstaller({ disk, manifest, manifestBytes, signatureBytes });
    const missing = installer.missing();
    for (const index of missing) {
      assert.ok(!sent.has(hash('sha256', chunks[index]!)), `chunk ${index} was sent before`);
    }
    if (missing.length > 0) {
      for (const old of sent) if (!wanted.has(old)) sent.delete(old);
    }
    for (const index of missing) {
      await installer.receive(index, chunks[index]!);
      sent.add(hash('sha256', chunks[index]!));
    }
    assert.deepEqual(installer.missing(), []);
    // What this image does not need may be overwritten from now on.
    for (const old of sent) if (!wanted.has(old)) sent.delete(old);
    const { writtenBytes } = await installer.install(() => {});
    assert.ok(writtenBytes >= 0);
    return true;
  } catch (error) {
    if (error instanceof PowerCut) return false;
    throw error;
  }
}

/** A slot with a manifest is what this says. */
async function assertWholeIfMarked(disk: SlotDisk, images: readonly TestImage[]): Promise<void> {
  const files = await filesOn(disk.devices.boot);
  const manifest = files[`b/${MANIFEST_NAME}`];
  if (!manifest) return;
  const image = images.find(({ manifestBytes }) => Buffer.compare(manifestBytes, manifest) === 0);
  assert.ok(image, 'the manifest is that of no image');
  const root = await disk.targetRoot.read(0, image.root.length);
  assert.ok(Buffer.compare(root, image.root) === 0, 'the slot counts as whole, and its root is not');
  for (const [path, bytes] of Object.entries(image.bootFiles)) {
    const present = files[`b/${path}`];
    assert.ok(
      present && Buffer.compare(present, bytes) === 0,
      `the slot counts as whole, and ${path} is not`,
    );
  }
  const own = ownFileOf(disk.layout, 'b', image.manifest.kernelArgs);
  const start = await new LoaderFiles(disk.layout, disk.boot).startOf('b');
  assert.deepEqual(
    start,
    disk.layout.ownFile('b').parse(own.text),
    'the slot counts as whole, and its start is not',
  );
}

/** On a disk with this boot loader. */
export async function runHistory(scenario: History, layout: BootLoaderLayout): Promise<void> {
  const images = { next: await imageOf(scenario.next), third: await imageOf(scenario.third) };
  const other = scenario.other && (await imageOf(scenario.other));
  let disk = await diskOf(scenario, images.next, layout);
  const before = disk.clone();
  const known = [images.next, images.third, ...(other ? [other] : [])];
  const sent: Sent = new Set();
  let isTouched = false;
  for (const { image, writes, sectors, losses } of scenario.attempts) {
    const atStart = disk.clone();
    disk.writesLeft = writes;
    disk.sectorsLeft = sectors;
    await attempt(disk, images[image], sent);
    isTouched ||= disk.devices.targetRoot.log.length > 0;
    assert.deepEqual(disk.devices.sourceRoot.log, []);
    let lost = 0;
    disk = disk.afterPowerCut(atStart, () => !losses || losses[lost++ % losses.length] !== true);
    if (losses) sent.clear();
    await assertSourceUntouched(disk, before);
    if (isTouched) await assertWholeIfMarked(disk, known);
  }
  assert.ok(await attempt(disk, images.next, sent));
  await assertInstalled(disk, images.next, before);
  disk.writes.length = 0;
  assert.ok(await attempt(disk, images.next, sent));
  assert.deepEqual(disk.writes, [], 'a whole slot was written to');
}
