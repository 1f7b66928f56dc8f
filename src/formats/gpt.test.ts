import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { deviceOfBytes, sourceOfBytes } from './byte-source.ts';
import { encodeGpt, type Gpt, PARTITION_TYPE, readGpt } from './gpt.ts';

const HELLO_SECTORS = 2147483648 / 512;

const guid = (number: number): string => `60c24cc1-f3f9-427a-8199-4f9f2cab000${number}`;

/** What gokrazy writes for hostname hello on a disk of 2 GiB with GOARCH unset (gokrazy-spec.md 20.b). */
function helloGpt(): Gpt {
  const linux = { typeGuid: PARTITION_TYPE.linuxData, name: 'Linux filesystem' };
  return {
    diskGuid: guid(0),
    diskSectors: HELLO_SECTORS,
    sectorBytes: 512,
    firstUsableSector: 34,
    lastUsableSector: HELLO_SECTORS - 34,
    partitions: [
      {
        typeGuid: PARTITION_TYPE.efiSystem,
        guid: guid(1),
        name: 'Microsoft basic data',
        firstSector: 8192,
        lastSector: 212991,
      },
      {
        ...linux,
        typeGuid: PARTITION_TYPE.rootArm64,
        guid: guid(2),
        firstSector: 212992,
        lastSector: 1236991,
      },
      { ...linux, guid: guid(3), firstSector: 1236992, lastSector: 2260991 },
      { ...linux, guid: guid(4), firstSector: 2260992, lastSector: 4194269 },
    ],
  };
}

/** A small disk with both tables in place. */
function diskWith(gpt: Gpt): Uint8Array {
  const disk = new Uint8Array(gpt.diskSectors * gpt.sectorBytes);
  const { primary, backup } = encodeGpt(gpt);
  disk.set(primary, gpt.sectorBytes);
  disk.set(backup, disk.length - backup.length);
  return disk;
}

const hex = (length: number): fc.Arbitrary<string> =>
  fc
    .array(fc.constantFrom(...'0123456789abcdef'.split('')), { minLength: length, maxLength: length })
    .map((c) => c.join(''));
const guids = fc.tuple(hex(8), hex(4), hex(4), hex(4), hex(12)).map((parts) => parts.join('-'));

/** Tables of small disks, with free entries and gaps. */
const gpts: fc.Arbitrary<Gpt> = fc
  .record({
    sectorBytes: fc.constantFrom(512, 4096),
    diskGuid: guids,
    partitions: fc.array(
      fc.option(
        fc.record({
          guid: guids,
          typeGuid: guids.filter((guid) => /[1-9a-f]/.test(guid)),
          name: fc
            .string({ unit: 'grapheme', maxLength: 36 })
            .filter((name) => name.length <= 36 && !name.includes('\0')),
          attributes: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          gap: fc.integer({ min: 0, max: 3 }),
          length: fc.integer({ min: 1, max: 4 }),
        }),
      ),
      { maxLength: 10 },
    ),
  })
  .map(({ sectorBytes, diskGuid, partitions }) => {
    const firstUsableSector = sectorBytes === 512 ? 34 : 6;
    let next = firstUsableSector;
    const placed = partitions.map((partition) => {
      if (!partition) return null;
      const { gap, length, attributes, ...rest } = partition;
      const firstSector = next + gap;
      next = firstSector + length;
      return { ...rest, firstSector, lastSector: next - 1, ...(attributes ? { attributes } : {}) };
    });
    while (placed.at(-1) === null) placed.pop();
    const diskSectors = next + firstUsableSector;
    const lastUsableSector = diskSectors - firstUsableSector;
    return { diskGuid, diskSectors, sectorBytes, firstUsableSector, lastUsableSector, partitions: placed };
  });

test('encodeGpt gives the checksums of a gokrazy disk of hostname hello', () => {
  const { primary, backup } = encodeGpt(helloGpt());
  assert.equal(primary.length, 33 * 512);
  assert.equal(backup.length, 33 * 512);
  const view = new DataView(primary.buffer);
  assert.equal(view.getUint32(16, true).toString(16), '6bc9b283');
  assert.equal(view.getUint32(88, true).toString(16), '9da7622b');
  assert.deepEqual(backup.subarray(0, 32 * 512), primary.subarray(512));
});

test('readGpt reads what encodeGpt writes, from either copy alone', async () => {
  await fc.assert(
    fc.asyncProperty(gpts, fc.constantFrom('both', 'primary', 'backup'), async (gpt, copy) => {
      const disk = diskWith(gpt);
      if (copy === 'backup') disk.fill(0, gpt.sectorBytes, 2 * gpt.sectorBytes);
      if (copy === 'primary') disk.fill(0, disk.length - gpt.sectorBytes);
      assert.deepEqual(await readGpt(sourceOfBytes(disk)), gpt);
    }),
    { seed: 2, numRuns: 100 },
  );
});

test('readGpt reads the table of a smaller disk on a larger one', async () => {
  const gpt = { ...helloGpt(), diskSectors: 200, lastUsableSector: 166, partitions: [] };
  const larger = new Uint8Array(1024 * 512);
  larger.set(diskWith(gpt));
  assert.equal((await readGpt(sourceOfBytes(larger))).diskSectors, 200);
  // The header's checksum is spoilt, but it still says where its twin is, which is not at the disk's end.
  larger[512 + 60]! ^= 1;
  assert.deepEqual(await readGpt(sourceOfBytes(larger)), gpt);
});

test('readGpt survives any damage: the same table or a SyntaxError', async () => {
  const gpt = { ...helloGpt(), diskSectors: 2048, lastUsableSector: 2014, partitions: [] };
  const partition = { ...helloGpt().partitions[0]!, firstSector: 40, lastSector: 99 };
  const original = diskWith({ ...gpt, partitions: [partition] });
  const damages = fc.array(
    fc.record({
      // Mostly where the headers are.
      offset: fc.oneof(
        fc.integer({ min: 512, max: 604 }),
        fc.integer({ min: 2047 * 512, max: 2047 * 512 + 92 }),
        fc.integer({ min: 0, max: original.length - 1 }),
      ),
      value: fc.integer({ min: 0, max: 255 }),
    }),
    { minLength: 1, maxLength: 20 },
  );
  await fc.assert(
    fc.asyncProperty(damages, fc.integer({ min: 0, max: original.length }), async (damage, cut) => {
      const disk = original.slice(0, cut % 3 === 0 ? cut : undefined);
      for (const { offset, value } of damage) if (offset < disk.length) disk[offset] = value;
      try {
        assert.deepEqual(await readGpt(sourceOfBytes(disk)), { ...gpt, partitions: [partition] });
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 3, numRuns: 150 },
  );
});

test('readGpt bounds what a header with a valid checksum claims', async () => {
  const { crc32 } = await import('node:zlib');
  const gpt = { ...helloGpt(), diskSectors: 200, lastUsableSector: 166, partitions: [] };
  const wrong: [string, number, bigint][] = [
    ['entries far away', 72, 2n ** 50n],
    ['entries beyond numbers', 72, 2n ** 63n],
    ['many entries', 80, 0xffffffffn | (128n << 32n)],
    ['large entries', 80, 128n | (0xffffff80n << 32n)],
    ['small entries', 80, 128n | (64n << 32n)],
    ['a long header', 8, 0x00010000n | (513n << 32n)],
    ['another sector', 24, 7n],
    ['usable sectors behind the disk', 48, 10000n],
  ];
  for (const [what, offset, value] of wrong) {
    const disk = diskWith(gpt);
    disk.fill(0, disk.length - 512);
    const view = new DataView(disk.buffer, 512, 512);
    view.setBigUint64(offset, value, true);
    view.setUint32(16, 0, true);
    view.setUint32(16, crc32(disk.subarray(512, 512 + 92)), true);
    await assert.rejects(readGpt(sourceOfBytes(disk)), SyntaxError, what);
  }
});

test('readGpt says what is wrong with every copy it tried', async () => {
  const disk = diskWith({ ...helloGpt(), diskSectors: 200, lastUsableSector: 166, partitions: [] });
  disk[600]! ^= 1;
  disk[1024]! ^= 1;
  disk.fill(0, disk.length - 512);
  await assert.rejects(readGpt(deviceOfBytes(disk)), {
    name: 'SyntaxError',
    message:
      /^Cannot read the partition table: no usable GPT header \(at byte 512: the checksum of the header does not match; at byte 101888: no signature/,
  });
  await assert.rejects(readGpt(sourceOfBytes(new Uint8Array(0))), SyntaxError);
  await assert.rejects(readGpt(sourceOfBytes(new Uint8Array(513))), SyntaxError);
});

test('encodeGpt refuses tables that no disk should have', () => {
  const good = helloGpt();
  const [first, second] = good.partitions as [
    NonNullable<Gpt['partitions'][0]>,
    NonNullable<Gpt['partitions'][0]>,
  ];
  const refused: [RegExp, Partial<Gpt>][] = [
    [/partitions 1 and 2 overlap/, { partitions: [first, { ...second, firstSector: first.lastSector }] }],
    [/partition 1 ends before it starts/, { partitions: [{ ...first, lastSector: first.firstSector - 1 }] }],
    [/partition 1 .* lies outside the usable sectors/, { partitions: [{ ...first, firstSector: 33 }] }],
    [/lies outside the usable/, { partitions: [{ ...first, lastSector: HELLO_SECTORS - 33 }] }],
    [/not a whole number/, { partitions: [{ ...first, firstSector: 8192.5 }] }],
    [/"nonsense" is not a GUID/, { diskGuid: 'nonsense' }],
    [/more than 36 characters/, { partitions: [{ ...first, name: 'x'.repeat(37) }] }],
    [/there are 129 partitions/, { partitions: Array.from({ length: 129 }, () => null) }],
    [/no room for the tables/, { firstUsableSector: 33 }],
    [/no room for the tables/, { lastUsableSector: HELLO_SECTORS - 33 }],
    [/sectors of 520 bytes/, { sectorBytes: 520 }],
  ];
  for (const [message, change] of refused) {
    assert.throws(() => encodeGpt({ ...good, ...change }), message);
  }
});
