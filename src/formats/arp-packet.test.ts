import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { arpAnnouncement, arpProbe, decodeArp, encodeArp } from './arp-packet.ts';
import { ipv4FromNumber } from './ipv4-address.ts';

const SEED = 826;
const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);

test('encodeArp is undone by decodeArp', () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const address = fc.nat(0xffff_ffff).map(ipv4FromNumber);
  const packet = fc.record(
    {
      operation: fc.constantFrom('request' as const, 'reply' as const),
      senderMac: mac,
      senderAddress: address,
      targetMac: mac,
      targetAddress: address,
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(packet, (value) => assert.deepEqual(decodeArp(encodeArp(value)), value)),
    { seed: SEED },
  );
});

test('arpProbe claims nothing, arpAnnouncement claims the address', () => {
  assert.equal(arpProbe(MAC, '10.0.0.5').senderAddress, '0.0.0.0');
  assert.equal(arpAnnouncement(MAC, '10.0.0.5').senderAddress, '10.0.0.5');
  assert.equal(
    Buffer.from(encodeArp(arpAnnouncement(MAC, '10.0.0.5'))).toString('hex'),
    '0001080006040001 525400123456 0a000005 000000000000 0a000005'.replaceAll(' ', ''),
  );
});

test('decodeArp throws nothing but SyntaxError on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      try {
        decodeArp(bytes);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
      }
    }),
    { seed: SEED, numRuns: 2000 },
  );
});
