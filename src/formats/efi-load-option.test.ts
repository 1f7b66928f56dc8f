import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeLoadOption,
  type DevicePathNode,
  encodeLoadOption,
  type LoadOption,
} from './efi-load-option.ts';

const GUID = '60c24cc1-f3f9-427a-8199-3b8f1a2c0001';

test('encodeLoadOption: a file on a partition, byte by byte', () => {
  const bytes = encodeLoadOption({
    attributes: 1,
    description: 'up',
    devicePath: [
      { kind: 'gpt-partition', number: 1, firstSector: 8192n, sectorCount: 0x80000n, guid: GUID },
      { kind: 'file', path: '\\X' },
    ],
    optionalData: Uint8Array.of(),
  });
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    [
      '01000000 3800', // attributes, length of the path
      '7500 7000 0000', // "up"
      '04012a00 01000000 0020000000000000 0000080000000000', // hard drive node: number, start, size
      'c14cc260f9f37a4281993b8f1a2c0001 0202', // GUID; GPT, GUID
      '04040a00 5c00 5800 0000', // file node
      '7fff0400', // end
    ]
      .join('')
      .replaceAll(' ', ''),
  );
});

const PLAIN = { noNullPrototype: true } as const;
const TEXT = fc.string({ unit: 'grapheme', maxLength: 20 }).map((text) => text.replaceAll('\0', ''));
const NODE: fc.Arbitrary<DevicePathNode> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('gpt-partition' as const),
      number: fc.nat(),
      firstSector: fc.bigInt(0n, 2n ** 64n - 1n),
      sectorCount: fc.bigInt(0n, 2n ** 64n - 1n),
      guid: fc.uuid(),
    },
    PLAIN,
  ),
  fc.record({ kind: fc.constant('file' as const), path: TEXT }, PLAIN),
  fc.record(
    {
      kind: fc.constant('other' as const),
      type: fc.integer({ min: 1, max: 3 }),
      subtype: fc.nat(255),
      data: fc.uint8Array({ maxLength: 40 }),
    },
    PLAIN,
  ),
);
const OPTION: fc.Arbitrary<LoadOption> = fc.record(
  {
    attributes: fc.nat(2 ** 32 - 1),
    description: TEXT,
    devicePath: fc.array(NODE, { maxLength: 5 }),
    optionalData: fc.uint8Array({ maxLength: 40 }),
  },
  PLAIN,
);

test('decodeLoadOption gives what encodeLoadOption was given', () => {
  fc.assert(
    fc.property(OPTION, (option) => {
      assert.deepEqual(decodeLoadOption(encodeLoadOption(option)), option);
    }),
    { seed: 6 },
  );
});

test('decodeLoadOption gives something or a SyntaxError, whatever it gets', () => {
  const mutated = fc.tuple(OPTION, fc.nat(), fc.nat(255)).map(([option, at, value]) => {
    const bytes = encodeLoadOption(option);
    bytes[at % bytes.length] = value;
    return bytes.subarray(0, bytes.length - (at % 3));
  });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), mutated), (bytes) => {
      try {
        decodeLoadOption(bytes);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: 7 },
  );
});
