import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  ATTRIBUTE,
  decodeDirectory,
  type DirectoryChange,
  encodeDotEntries,
  encodeEntry,
  encodeLabelEntry,
  planContentChange,
  planInsertion,
  planRemoval,
  SLOT_BYTES,
} from './directory.ts';
import { checkName, ShortNames } from './names.ts';

const SECTOR_BYTES = 512;

function isName(name: string): boolean {
  try {
    checkName(name);
    return true;
  } catch {
    return false;
  }
}

const names = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(isName),
  fc.constantFrom('VMLINUZ', 'vmlinuz', 'x'.repeat(13), 'x'.repeat(26), 'y'.repeat(255), 'ﬁ→😀.dtb'),
);

function entryOf(name: string, shortName: string, firstCluster = 5): Uint8Array {
  return encodeEntry({
    name,
    shortName,
    attributes: ATTRIBUTE.archive,
    firstCluster,
    sizeBytes: 7,
    timestampSec: 1700000000,
  });
}

function namesIn(directory: Uint8Array): string[] {
  return decodeDirectory(directory, 'fat32').map((entry) => entry.name);
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The directory after each sector of the change has been written, in order. */
function* states(before: Uint8Array, change: DirectoryChange): Generator<Uint8Array> {
  const bytes = before.slice();
  yield bytes;
  for (const sector of change.sectors) {
    const start = sector * SECTOR_BYTES;
    bytes.set(change.bytes.subarray(start, start + SECTOR_BYTES), start);
    yield bytes;
  }
}

test('decodeDirectory reads what encodeEntry writes', () => {
  const entries = fc.record({
    name: names,
    attributes: fc.constantFrom(ATTRIBUTE.archive, ATTRIBUTE.directory, ATTRIBUTE.readOnly),
    firstCluster: fc.integer({ min: 0, max: 0x0fffffef }),
    sizeBytes: fc.integer({ min: 0, max: 0xffffffff }),
    modifiedSec: fc.integer({ min: 315532800 / 2, max: 2 ** 31 / 2 }).map((half) => half * 2),
  });
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 20 }), (wanted) => {
      const shortNames = new ShortNames();
      const parts = [encodeLabelEntry('LABEL', 0), encodeDotEntries(2, 3, 0)];
      const withShort = wanted.map((entry) => ({ ...entry, shortName: shortNames.pick(entry.name) }));
      for (const entry of withShort) parts.push(encodeEntry({ ...entry, timestampSec: entry.modifiedSec }));
      const read = decodeDirectory(new Uint8Array(Buffer.concat(parts)), 'fat32');
      assert.deepEqual(
        read.map(({ firstSlot: _first, shortSlot: _short, ...entry }) => entry),
        withShort,
      );
    }),
    { seed: 1, numRuns: 100 },
  );
});

test('decodeDirectory ignores long names that do not belong to the entry behind them', () => {
  const whole = entryOf('long name.txt', 'LONGNA~1TXT');
  const short = whole.slice(-SLOT_BYTES);
  const long = whole.slice(0, -SLOT_BYTES);
  const otherShort = entryOf('OTHER', 'OTHER      ');
  assert.deepEqual(namesIn(joined(long, otherShort)), ['OTHER']);
  assert.deepEqual(namesIn(joined(long, long, short)), ['long name.txt']);
  assert.deepEqual(namesIn(joined(short)), ['LONGNA~1.TXT']);
  const two = entryOf('x'.repeat(20), 'XXXXXX~1   ');
  assert.deepEqual(namesIn(joined(two.slice(SLOT_BYTES))), ['XXXXXX~1']);
  assert.deepEqual(namesIn(joined(two.slice(0, SLOT_BYTES), two.slice(-SLOT_BYTES))), ['XXXXXX~1']);
});

test('decodeDirectory ignores the upper half of the cluster number on FAT16', () => {
  const bytes = entryOf('A', 'A          ', 0x120005);
  assert.equal(decodeDirectory(bytes, 'fat16')[0]!.firstCluster, 5);
  assert.equal(decodeDirectory(bytes, 'fat32')[0]!.firstCluster, 0x120005);
});

test('decodeDirectory reads any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 0, maxLength: 1024 }), (bytes) => {
      decodeDirectory(bytes, 'fat32');
    }),
    { seed: 2, numRuns: 300 },
  );
});

test('planInsertion and planRemoval: every state on the way is the old or the new one', () => {
  const commands = fc.array(fc.record({ name: names, remove: fc.boolean(), pick: fc.nat() }), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(commands, fc.uint8Array({ minLength: 64, maxLength: 64 }), (commands, garbage) => {
      // Behind the end mark there is what an earlier use of the sectors left: it must never come to life.
      let directory = new Uint8Array(8 * SECTOR_BYTES);
      for (let i = SLOT_BYTES; i < directory.length; i++) directory[i] = garbage[i % garbage.length]! | 1;
      const present: string[] = [];
      for (const { name, remove, pick } of commands) {
        const entries = decodeDirectory(directory, 'fat16');
        const before = entries.map((entry) => entry.name);
        assert.deepEqual(before.toSorted(), present.toSorted());
        let change: DirectoryChange | undefined;
        if (remove && entries.length > 0) {
          const entry = entries[pick % entries.length]!;
          change = planRemoval(directory, SECTOR_BYTES, entry);
          present.splice(present.indexOf(entry.name), 1);
        } else if (!present.includes(name)) {
          const shortNames = new ShortNames();
          for (const entry of entries) shortNames.reserve(entry.shortName);
          change = planInsertion(directory, SECTOR_BYTES, entryOf(name, shortNames.pick(name)));
          if (change) present.push(name);
        }
        if (!change) continue;
        const after = namesIn(change.bytes);
        for (const state of states(directory, change)) {
          const seen = namesIn(state);
          assert.ok(
            JSON.stringify(seen) === JSON.stringify(before) || JSON.stringify(seen) === JSON.stringify(after),
            `${JSON.stringify(seen)} is neither ${JSON.stringify(before)} nor ${JSON.stringify(after)}`,
          );
        }
        for (const { firstSlot, shortSlot } of decodeDirectory(change.bytes, 'fat16')) {
          // In one sector if that is possible, so that one write decides.
          const sectors = Math.floor(shortSlot / 16) - Math.floor(firstSlot / 16);
          assert.ok(sectors === 0 || shortSlot - firstSlot >= 16);
        }
        directory = change.bytes as Uint8Array<ArrayBuffer>;
      }
    }),
    { seed: 3, numRuns: 150 },
  );
});

test('planInsertion needs one sector for a name that fits into one', () => {
  let directory: Uint8Array = new Uint8Array(4 * SECTOR_BYTES);
  const shortNames = new ShortNames();
  for (let i = 0; ; i++) {
    const name = `some-overlay-number-${10 + i}.dtbo`;
    const change = planInsertion(directory, SECTOR_BYTES, entryOf(name, shortNames.pick(name)));
    if (!change) break;
    // Four slots of sixteen: where a sector is full there is room in the next one, and its end mark.
    const visible = change.sectors.at(-1)!;
    const withoutLast = directory.slice();
    for (const sector of change.sectors.slice(0, -1)) {
      const start = sector * SECTOR_BYTES;
      withoutLast.set(change.bytes.subarray(start, start + SECTOR_BYTES), start);
    }
    assert.equal(namesIn(withoutLast).length, i);
    assert.equal(visible, Math.floor(i / 4));
    directory = change.bytes;
  }
  assert.equal(namesIn(directory).length, 16);
});

test('planInsertion prefers free slots in one sector to the first free ones', () => {
  const shortNames = new ShortNames();
  const directory = new Uint8Array(4 * SECTOR_BYTES);
  for (let slot = 0; slot < 30; slot++)
    directory.set(entryOf(`F${slot}`, shortNames.pick(`F${slot}`)), slot * SLOT_BYTES);
  for (const slot of [15, 16, 17, 20, 21]) directory[slot * SLOT_BYTES] = 0xe5;
  const twoSlots = entryOf('lower', shortNames.pick('lower'));
  const change = planInsertion(directory, SECTOR_BYTES, twoSlots);
  assert.deepEqual(change?.sectors, [1]);
  const added = decodeDirectory(change.bytes, 'fat16').find((entry) => entry.name === 'lower');
  assert.equal(added?.firstSlot, 16);
});

test('planContentChange changes one sector and nothing but place, size and time', () => {
  const directory = new Uint8Array(
    Buffer.concat([entryOf('a', 'A          '), entryOf('b b', 'BB~1       ')]),
  );
  const [first, second] = decodeDirectory(directory, 'fat32');
  const content = { firstCluster: 0x54321, sizeBytes: 99, timestampSec: 1800000000 };
  const change = planContentChange(directory, SECTOR_BYTES, second!, content);
  assert.deepEqual(change.sectors, [0]);
  assert.deepEqual(decodeDirectory(change.bytes, 'fat32'), [
    first,
    { ...second, firstCluster: 0x54321, sizeBytes: 99, modifiedSec: 1800000000 },
  ]);
});
