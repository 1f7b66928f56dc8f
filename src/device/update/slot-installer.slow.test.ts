import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { PC_LAYOUT } from '../../../test/support/boot-loader/pc-layout.ts';
import { PREFIX_LAYOUT } from '../../../test/support/boot-loader/prefix-loader.ts';
import {
  assertInstalled,
  assertSourceUntouched,
  crossLink,
  isMarked,
  PowerCut,
  slotDisk,
  type SlotDisk,
  type TestImage,
  testImage,
} from '../../../test/support/updates/slot-disk.ts';
import { history, runHistory } from '../../../test/support/updates/slot-scenario.ts';
import { removeFatFile } from '../../../test/support/formats/fat-change.ts';
import { sampleBytes } from '../../../test/support/formats/squashfs-image.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { loaderEntryPath } from '../../shared/boot-loader/loader-entry.ts';
import { SlotSizeError } from './chunk-plan.ts';
import type { InstallProgress } from './install-progress.ts';
import { ChunkError, openSlotInstaller, type SlotInstaller } from './slot-installer.ts';

const SHARED = sampleBytes(64 * 1024, 1);
const KERNEL = sampleBytes(40_000, 2);

/** Five chunks of root, of which images differ in the last one, and three of kernel. */
async function build(
  seed: number,
  parts: { kernel?: Uint8Array; kernelArgs?: readonly string[]; signedBy?: string } = {},
): Promise<TestImage> {
  const { kernel = KERNEL, ...others } = parts;
  const root = Buffer.concat([SHARED, sampleBytes(8 * 1024, seed)]);
  return testImage({ root, bootFiles: { vmlinuz: kernel }, ...others });
}

async function open(disk: SlotDisk, image: TestImage, signal?: AbortSignal): Promise<SlotInstaller> {
  const { manifest, manifestBytes, signatureBytes } = image;
  const options = { disk, manifest, manifestBytes, signatureBytes };
  return openSlotInstaller(signal ? { ...options, signal } : options);
}

/** On the boot partition. */
async function offsetOf({ boot }: SlotDisk, path: string): Promise<number> {
  const [first] = await (await openFat(boot)).extents(path);
  return first!.offsetBytes;
}

async function sendAll(installer: SlotInstaller, image: TestImage): Promise<void> {
  for (const index of installer.missing()) await installer.receive(index, image.chunks[index]!);
}

test('openSlotInstaller writes nothing, and asks for what the device does not have', async () => {
  const disk = await slotDisk(await build(1));
  const installer = await open(disk, await build(2, { kernel: sampleBytes(40_000, 3) }));
  assert.deepEqual(installer.missing(), [4, 5, 6, 7]);
  assert.deepEqual(disk.writes, []);
});

test('an update into an empty slot, and the same once more', async () => {
  const before = await slotDisk(await build(1));
  const disk = before.clone();
  const image = await build(2);
  const installer = await open(disk, image);
  assert.deepEqual(installer.missing(), [4]);
  await sendAll(installer, image);
  const reports: InstallProgress[] = [];
  const { writtenBytes, reusedBytes } = await installer.install((progress) => reports.push(progress));
  await assertInstalled(disk, image, before);
  assert.equal(reusedBytes, SHARED.length + KERNEL.length);
  assert.ok(writtenBytes >= image.root.length + KERNEL.length);
  for (const phase of ['root', 'boot files', 'check'] as const) {
    const last = reports.findLast((report) => report.phase === phase);
    assert.equal(last?.doneBytes, last?.totalBytes, phase);
  }

  disk.writes.length = 0;
  const again = await open(disk, image);
  assert.deepEqual(again.missing(), []);
  assert.deepEqual(await again.install(() => {}), {
    writtenBytes: 0,
    reusedBytes: image.root.length + KERNEL.length,
  });
  assert.deepEqual(disk.writes, []);
});

test('a change of the root alone rewrites no kernel', async () => {
  const before = await slotDisk(await build(1), await build(2));
  const disk = before.clone();
  const image = await build(3);
  const installer = await open(disk, image);
  await sendAll(installer, image);
  const { writtenBytes } = await installer.install(() => {});
  await assertInstalled(disk, image, before);
  assert.ok(writtenBytes < KERNEL.length, `${writtenBytes} bytes were written`);
});

test('an image that was signed anew costs its signatures only', async () => {
  const disk = await slotDisk(await build(1), await build(2));
  const before = disk.clone();
  const image = await build(2, { signedBy: 'somebody else' });
  const { writtenBytes } = await (await open(disk, image)).install(() => {});
  await assertInstalled(disk, image, before);
  assert.ok(writtenBytes < 10_000, `${writtenBytes} bytes were written`);
});

test('the slot counts as whole until the first chunk arrives, and when all is installed', async () => {
  const disk = await slotDisk(await build(1), await build(2));
  const image = await build(3);
  const installer = await open(disk, image);
  assert.ok(await isMarked(disk));
  await sendAll(installer, image);
  assert.ok(!(await isMarked(disk)));
  await installer.install(() => {});
  assert.ok(await isMarked(disk));
});

test('chunks that are not what they are said to be are refused, and nothing is written', async () => {
  const disk = await slotDisk(await build(1));
  const image = await build(2, { kernel: sampleBytes(40_000, 3) });
  const installer = await open(disk, image);
  const [chunk, other] = [image.chunks[4]!, image.chunks[5]!];
  const cases: readonly [index: number, bytes: Uint8Array, message: RegExp][] = [
    [4, other.subarray(0, chunk.length), /Cannot take chunk 4: its bytes are not those of the manifest/],
    [4, chunk.map((byte, i) => (i === 77 ? byte ^ 1 : byte)), /its bytes are not those/],
    [5, chunk, /Cannot take chunk 5: it has 8192 bytes, not 16384/],
    [4, chunk.subarray(1), /it has 8191 bytes, not 8192/],
    [4, Buffer.concat([chunk, Buffer.of(0)]), /it has 8193 bytes, not 8192/],
    [4, new Uint8Array(), /it has 0 bytes/],
    [8, chunk, /Cannot take chunk 8: the manifest has no such chunk/],
    [-1, chunk, /no such chunk/],
    [0.5, chunk, /no such chunk/],
  ];
  for (const [index, bytes, message] of cases) {
    await assert.rejects(installer.receive(index, bytes), (error) => {
      assert.ok(error instanceof ChunkError);
      assert.match(error.message, message);
      return true;
    });
  }
  assert.deepEqual(disk.writes, []);
  assert.deepEqual(installer.missing(), [4, 5, 6, 7]);
  // The installation goes on as if nothing had been.
  await sendAll(installer, image);
  await installer.install(() => {});
});

test('chunks that are there already, or come twice, are taken and not written', async () => {
  const disk = await slotDisk(await build(1), await build(2));
  const image = await build(3);
  const installer = await open(disk, image);
  await installer.receive(0, image.chunks[0]!);
  await installer.receive(6, image.chunks[6]!);
  assert.deepEqual(disk.writes, []);
  await installer.receive(4, image.chunks[4]!);
  const writes = disk.writes.length;
  await installer.receive(4, image.chunks[4]!);
  assert.equal(disk.writes.length, writes);
});

test('install refuses while chunks are missing', async () => {
  const disk = await slotDisk(await build(1));
  const installer = await open(disk, await build(2));
  await assert.rejects(
    installer.install(() => {}),
    /1 chunks are missing/,
  );
  assert.deepEqual(disk.writes, []);
});

test('chunks that arrive at once are written one after the other', async () => {
  const before = await slotDisk(await build(1));
  const disk = before.clone();
  const image = await build(2, { kernel: sampleBytes(40_000, 3) });
  const installer = await open(disk, image);
  const missing = installer.missing();
  await Promise.all(missing.map((index) => installer.receive(index, image.chunks[index]!)));
  await installer.install(() => {});
  await assertInstalled(disk, image, before);
});

test('a damaged loader entry is written anew', async () => {
  const before = await slotDisk(await build(1));
  const disk = before.clone();
  disk.devices.boot.poke(await offsetOf(disk, loaderEntryPath('b')), sampleBytes(512, 6));
  const image = await build(2);
  const installer = await open(disk, image);
  await sendAll(installer, image);
  await installer.install(() => {});
  await assertInstalled(disk, image, before);
});

test('a command line in the slot: kept, changed in place, made anew where it was lost, and never that of the other', async () => {
  const options = { layout: PREFIX_LAYOUT };
  const image = await build(2, { kernelArgs: ['ro', 'quiet'] });
  const own = { path: 'b/cmdline.txt', sizeBytes: PREFIX_LAYOUT.ownFile('b').sizeBytes };
  const lose = (disk: SlotDisk) => removeFatFile(disk.devices.boot, own.path, { zone: 'b', timestampSec: 0 });
  const cases: [string, (disk: SlotDisk) => Promise<unknown>][] = [
    ['there', async () => {}],
    ['lost', lose],
    ['damaged', async (disk) => disk.devices.boot.poke(await offsetOf(disk, own.path), sampleBytes(512, 6))],
    ['in a damaged directory', crossLink],
  ];
  for (const [name, prepare] of cases) {
    for (const other of [undefined, await build(1, { kernelArgs: ['ro', 'debug'] })]) {
      const before = await slotDisk(await build(1), other, options);
      await prepare(before);
      const disk = before.clone();
      const installer = await open(disk, image);
      await sendAll(installer, image);
      await installer.install(() => {});
      await assertInstalled(disk, image, before);
      const stat = await (await openFat(disk.boot)).stat(own.path);
      assert.equal(stat?.sizeBytes, own.sizeBytes, name);
    }
  }
});

test('an image that does not fit is refused before anything is written', async () => {
  const disk = await slotDisk(await build(1), undefined, { rootPartitionBytes: 128 * 1024 });
  await open(disk, await build(2));
  const root = sampleBytes(125 * 1024, 4);
  await assert.rejects(open(disk, await testImage({ root, bootFiles: {} })), SlotSizeError);
  const kernel = sampleBytes(60_000, 5);
  await assert.rejects(
    open(disk, await build(2, { kernel })),
    /does not fit into a partition of 131072 bytes/,
  );
  assert.deepEqual(disk.writes, []);
});

test('a medium that does not keep what is written is found out, and the slot does not count as whole', async () => {
  const disk = await slotDisk(await build(1));
  const image = await build(2);
  const installer = await open(disk, image);
  await sendAll(installer, image);
  disk.dropCaches = async () => disk.devices.targetRoot.poke(70_000, Buffer.of(255));
  await assert.rejects(
    installer.install(() => {}),
    /The root partition has not kept the image/,
  );
  assert.ok(!(await isMarked(disk)));
});

test('a copy that has changed since it was found is not taken', async () => {
  const disk = await slotDisk(await build(1));
  const image = await build(2);
  const installer = await open(disk, image);
  await sendAll(installer, image);
  disk.devices.sourceRoot.poke(100, Buffer.of(255));
  await assert.rejects(
    installer.install(() => {}),
    /Chunk 0 has changed on the disk since it was found/,
  );
  // The next one asks for it.
  assert.deepEqual((await open(disk, image)).missing(), [0]);
});

test('an installer ends with its signal', async () => {
  const disk = await slotDisk(await build(1));
  const image = await build(2);
  const abort = new AbortController();
  const installer = await open(disk, image, abort.signal);
  abort.abort(new Error('the client has gone'));
  await assert.rejects(installer.receive(4, image.chunks[4]!), /the client has gone/);
  await assert.rejects(open(disk, image, abort.signal), /the client has gone/);
  assert.deepEqual(disk.writes, []);
});

test('cut off anywhere, an update of another build goes on with what was received', async () => {
  const running = await build(1);
  const first = await testImage({
    root: Buffer.concat([sampleBytes(48 * 1024, 7), SHARED]),
    bootFiles: { vmlinuz: sampleBytes(40_000, 8) },
  });
  // The same chunks, each elsewhere.
  const second = await testImage({
    root: Buffer.concat([sampleBytes(1000, 9), first.root]),
    rootBorders: [0, 1000, 17_384, 33_768, 50_152, ...[1, 2, 3, 4].map((i) => 50_152 + i * 16_384)],
    bootFiles: { ...first.bootFiles, 'first.dtbo': sampleBytes(10, 9) },
  });
  const before = await slotDisk(running);
  for (let writes = 0, ended = false; !ended; writes += 5) {
    const disk = before.clone();
    let received = 0;
    const firstInstaller = await open(disk, first);
    disk.writesLeft = writes;
    try {
      for (const index of firstInstaller.missing()) {
        await firstInstaller.receive(index, first.chunks[index]!);
        received++;
      }
      ended = true;
    } catch (error) {
      assert.ok(error instanceof PowerCut);
    }
    disk.writesLeft = Infinity;
    const installer = await open(disk, second);
    // Two chunks are new. Of the one that was being written it depends.
    const missing = installer.missing().length - 2;
    assert.ok(missing === 6 - received || missing === 5 - received, `${missing} after ${received}`);
    await sendAll(installer, second);
    await installer.install(() => {});
    await assertInstalled(disk, second, before);
    await assertSourceUntouched(disk, before);
  }
});

test('whatever was in the slot, and wherever updates are cut off, it becomes the new image', async () => {
  for (const layout of [PC_LAYOUT, PREFIX_LAYOUT]) {
    const property = fc.asyncProperty(history, (scenario) => runHistory(scenario, layout));
    await fc.assert(property, { seed: 65, numRuns: 2 });
  }
});
