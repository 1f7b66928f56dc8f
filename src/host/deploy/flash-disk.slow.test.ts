import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readGpt } from '../../formats/gpt.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import { layOutDisk, MIN_DISK_BYTES } from '../../shared/board/disk-layout.ts';
import { SparseDevice } from '../../../test/support/formats/sparse-device.ts';
import type { BuiltImage } from '../build/build-image.ts';
import { silentProgress } from '../progress.ts';
import { flashDisk, type FlashOptions, type FlashTarget } from './flash-disk.ts';
import type { Disk } from './disk.ts';

const MIB = 1024 * 1024;
const ROOT_BYTES = 6 * MIB;
const DISK_BYTES = MIN_DISK_BYTES + 12_345 * 512;

const disk: Disk = {
  path: '/dev/sdx',
  sizeBytes: DISK_BYTES,
  model: 'Test',
  transport: 'usb',
  removable: true,
  readOnly: false,
  mountPoints: [],
  refusal: null,
};

function makeImage(t: TestContext): BuiltImage {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-flash-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const rootImagePath = join(directory, 'root.img');
  const content = createHash('shake256', { outputLength: ROOT_BYTES }).update('root').digest();
  writeFileSync(rootImagePath, content);
  const kernel = { kind: 'bytes', bytes: Buffer.alloc(100_001, 7) } as const;
  const manifest = { buildTimeSec: 1_700_000_000, root: { sizeBytes: ROOT_BYTES } } as BuiltImage['manifest'];
  return {
    board: BOARDS['pc-amd64'],
    hostname: 'garden',
    manifest,
    manifestBytes: Buffer.from('{}'),
    sign: () => Buffer.from('{}'),
    rootImagePath,
    cardFiles: [],
    loaderFiles: [{ path: 'loader/loader.conf', content: { kind: 'bytes', bytes: Buffer.from('default') } }],
    bootFiles: [{ path: 'vmlinuz', content: kernel }],
    slotFiles: [{ path: 'vmlinuz', content: kernel }],
    inputs: [],
    warnings: [],
    notes: [],
    leftOut: new Map(),
    parts: [],
    dispose: async () => {},
  };
}

/** The medium behind both times that the disk is opened; `change` makes it other than it should be. */
function optionsFor(medium: SparseDevice, change: Partial<FlashTarget> = {}): FlashOptions {
  const target: FlashTarget = {
    sizeBytes: medium.sizeBytes,
    read: (offset, length) => medium.read(offset, length),
    write: (offset, bytes) => medium.write(offset, bytes),
    flush: () => medium.flush(),
    close: async () => {},
    ...change,
  };
  return { report: silentProgress, open: async () => target };
}

test('flashDisk lays the partitions out for the disk and blanks what was there', async (t) => {
  const medium = new SparseDevice(DISK_BYTES);
  const { partitions } = layOutDisk(DISK_BYTES);
  const old = Buffer.alloc(64 * 1024, 0xee);
  const startOf = (index: number): number => partitions[index]!.firstSector * 512;
  for (const offset of [0, startOf(2), startOf(3), DISK_BYTES - old.length]) medium.poke(offset, old);
  await flashDisk(makeImage(t), disk, optionsFor(medium));
  const gpt = await readGpt(medium);
  assert.equal(gpt.diskSectors, DISK_BYTES / 512);
  assert.equal(gpt.partitions[3]?.lastSector, DISK_BYTES / 512 - 35);
  for (const index of [2, 3]) {
    assert.ok((await medium.read(startOf(index), old.length)).every((byte) => byte === 0));
  }
  // Of the old content nothing is left between the tables either.
  assert.equal(Buffer.from(await medium.read(DISK_BYTES - old.length, old.length)).includes(0xeeee), false);
});

test('flashDisk blanks the old tables first and writes the new ones last', async (t) => {
  const medium = new SparseDevice(DISK_BYTES);
  await flashDisk(makeImage(t), disk, optionsFor(medium));
  const writes = medium.log.filter((entry) => entry !== 'flush');
  assert.deepEqual([writes[0]?.sector, writes.at(-1)?.sector], [0, 0]);
  assert.ok(writes[0]?.bytes.every((byte) => byte === 0));
  const wiped = medium.log.indexOf('flush');
  assert.ok(wiped > 0 && wiped < medium.log.length - 1);
  assert.equal(medium.log.at(-1), 'flush');
});

test('flashDisk finds out that a disk does not give back what was written', async (t) => {
  const image = makeImage(t);
  const lies: Record<string, (medium: SparseDevice) => Partial<FlashTarget>> = {
    'one bit flips': (medium) => ({
      async flush() {
        const [byte = 0] = await medium.read(layOutDisk(DISK_BYTES).partitions[1].firstSector * 512, 1);
        medium.poke(layOutDisk(DISK_BYTES).partitions[1].firstSector * 512, Uint8Array.of(byte ^ 4));
      },
    }),
    // A forged card: addresses beyond its real size begin again at 0.
    'it is smaller than it says': (medium) => ({
      async write(offset, bytes) {
        await medium.write(offset % (256 * 1024 * 1024), bytes);
      },
      read: (offset, length) => medium.read(offset % (256 * 1024 * 1024), length),
    }),
    'it keeps nothing': () => ({ write: async () => {} }),
    // Beyond its real size it swallows what is written; only there, and not where the backup table lies.
    'the last MiB is not there': (medium) => ({
      async write(offset, bytes) {
        const isEnd = offset >= DISK_BYTES - MIB && bytes.length === MIB;
        await medium.write(offset, isEnd ? Buffer.alloc(MIB, 0xee) : bytes);
      },
    }),
  };
  for (const [what, change] of Object.entries(lies)) {
    const medium = new SparseDevice(DISK_BYTES);
    await assert.rejects(
      flashDisk(image, disk, optionsFor(medium, change(medium))),
      {
        name: 'UserError',
        message: /^Cannot flash "\/dev\/sdx": what it gives back at byte \d+ is not what was written$/,
        hint: /^The disk or its reader is defective, or it is smaller than it says \(a fake capacity\)\. Try another one\.$/,
      },
      what,
    );
  }
});

/** The interrupt comes when the disk has been opened so many times: to be written, to be read back. */
function interruptedAtOpen(count: number): FlashOptions {
  const options = optionsFor(new SparseDevice(DISK_BYTES));
  const controller = new AbortController();
  let opened = 0;
  return {
    ...options,
    signal: controller.signal,
    async open(flags) {
      opened += 1;
      if (opened === count) controller.abort(new Error('Interrupted'));
      return options.open!(flags);
    },
  };
}

test('flashDisk tells in what state an interrupt leaves the disk', async (t) => {
  const image = makeImage(t);
  await assert.rejects(flashDisk(image, disk, interruptedAtOpen(1)), {
    name: 'UserError',
    message: 'Interrupted while "/dev/sdx" was written: it does not boot now',
    hint: 'Flash it again before you use it.',
  });
  await assert.rejects(flashDisk(image, disk, interruptedAtOpen(2)), {
    name: 'UserError',
    message: 'Interrupted while "/dev/sdx" was checked: all was written, but not all was read back',
    hint: 'Flash it again to be sure.',
  });
});

test('flashDisk notices that the disk is gone', async (t) => {
  const image = makeImage(t);
  const gone = Object.assign(new Error('EIO'), { code: 'EIO' });
  for (const [count, act] of ['write', 'check'].entries()) {
    const options = optionsFor(new SparseDevice(DISK_BYTES));
    let opened = 0;
    const open = async (flags: number): Promise<FlashTarget> => {
      const target = await options.open!(flags);
      return opened++ === count ? { ...target, read: () => Promise.reject(gone) } : target;
    };
    await assert.rejects(flashDisk(image, disk, { ...options, open }), {
      name: 'UserError',
      message: `Cannot ${act} "/dev/sdx": it was pulled out`,
      hint: 'Put it back, and flash it again before you use it.',
    });
  }
});

test('flashDisk checks a raw device while nobody else may write to it', async (t) => {
  const medium = new SparseDevice(DISK_BYTES);
  let opened = 0;
  const closed: string[] = [];
  const options = optionsFor(medium);
  await flashDisk(
    makeImage(t),
    { ...disk, rawPath: '/dev/rdiskx' },
    {
      ...options,
      async open(flags) {
        opened += 1;
        const target = await options.open!(flags);
        return {
          ...target,
          read: async (offset, length) => {
            assert.deepEqual(closed, []);
            return target.read(offset, length);
          },
          close: async () => void closed.push('closed'),
        };
      },
    },
  );
  assert.deepEqual([opened, closed], [1, ['closed']]);
});

test('flashDisk says what the system refuses', async (t) => {
  const image = makeImage(t);
  const problems = {
    EACCES: 'permission denied',
    EBUSY: 'something uses it',
    EROFS: 'it is write-protected',
  };
  for (const [code, problem] of Object.entries(problems)) {
    const options = {
      report: silentProgress,
      open: async () => {
        throw Object.assign(new Error(code), { code });
      },
    };
    const expected = { name: 'UserError', message: `Cannot open "/dev/sdx": ${problem}` };
    await assert.rejects(flashDisk(image, disk, options), expected);
  }
  const refused = { ...disk, refusal: 'it is mounted at "/mnt"' };
  await assert.rejects(flashDisk(image, refused, optionsFor(new SparseDevice(DISK_BYTES))), {
    message: 'Cannot flash "/dev/sdx": it is mounted at "/mnt"',
  });
});
