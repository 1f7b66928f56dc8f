import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { ipv4FromNumber } from './ipv4-address.ts';
import { decodeUdpDatagram, encodeUdpDatagram } from './ipv4-packet.ts';

const SEED = 768;

const datagram = fc.record(
  {
    source: fc.nat(0xffff_ffff).map(ipv4FromNumber),
    sourcePort: fc.nat(0xffff),
    destination: fc.nat(0xffff_ffff).map(ipv4FromNumber),
    destinationPort: fc.nat(0xffff),
    payload: fc.uint8Array({ maxLength: 600 }),
  },
  { noNullPrototype: true },
);

const example = {
  source: '10.0.2.2',
  sourcePort: 67,
  destination: '10.0.2.15',
  destinationPort: 68,
  payload: Uint8Array.of(1, 2, 3),
};

test('encodeUdpDatagram is undone by decodeUdpDatagram, also inside a padded frame', () => {
  fc.assert(
    fc.property(datagram, fc.nat(40), (value, padding) => {
      const bytes = encodeUdpDatagram(value);
      const frame = new Uint8Array(bytes.length + padding).fill(0xee);
      frame.set(bytes);
      assert.deepEqual(decodeUdpDatagram(frame), value);
    }),
    { seed: SEED },
  );
});

test('decodeUdpDatagram notices every flipped bit', () => {
  const bytes = encodeUdpDatagram(example);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.throws(() => decodeUdpDatagram(damaged), SyntaxError, `bit ${bit}`);
  }
});

test('decodeUdpDatagram accepts no checksum, and the half one of a virtual machine on the same host', () => {
  const none = encodeUdpDatagram(example);
  none.set([0, 0], 26);
  assert.equal(decodeUdpDatagram(none).sourcePort, 67);
  // Pseudo-header: 10.0.2.2, 10.0.2.15, protocol 17, length 11.
  const half = encodeUdpDatagram(example);
  new DataView(half.buffer).setUint16(26, 0x0a00 + 0x0202 + 0x0a00 + 0x020f + 17 + 11);
  assert.equal(decodeUdpDatagram(half).sourcePort, 67);
});

test('decodeUdpDatagram skips IP options', () => {
  const plain = encodeUdpDatagram(example);
  const bytes = Uint8Array.of(...plain.subarray(0, 20), 1, 1, 1, 0, ...plain.subarray(20));
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x46;
  view.setUint16(2, bytes.length);
  // What the header sum grew by: one word of header length (0x0100), 4 of total length, and the options.
  const sum = (~view.getUint16(10) & 0xffff) + 0x0100 + 4 + 0x0101 + 0x0100;
  view.setUint16(10, ~((sum & 0xffff) + (sum >> 16)));
  assert.deepEqual(decodeUdpDatagram(bytes).payload, example.payload);
});

test('decodeUdpDatagram refuses fragments, other protocols and cut-off packets', () => {
  const bytes = encodeUdpDatagram(example);
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => decodeUdpDatagram(bytes.subarray(0, length)), SyntaxError);
  }
  const fragment = bytes.slice();
  fragment[6] = 0x20;
  assert.throws(() => decodeUdpDatagram(fragment), /fragment/);
  const tcp = bytes.slice();
  tcp[9] = 6;
  assert.throws(() => decodeUdpDatagram(tcp), /not UDP/);
});
