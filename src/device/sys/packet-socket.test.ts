// The filters, run by a small interpreter of classic BPF (Documentation/networking/filter.rst of Linux). That the
// kernel takes them, and the sockets themselves, are tested in test/tools/dhcp.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FilterStep } from '../../formats/classic-bpf.ts';
import { type ArpPacket, arpAnnouncement, arpProbe, encodeArp } from '../../formats/arp-packet.ts';
import { encodeUdpDatagram } from '../../formats/ipv4-packet.ts';
import { conflictFilter, dhcpFilter } from './packet-socket.ts';

const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const OTHER_MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x57);
const ADDRESS = '10.0.2.15';

function passes(program: readonly FilterStep[], packet: Uint8Array): boolean {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength);
  let a = 0;
  let x = 0;
  for (let index = 0; ; index++) {
    const step = program[index];
    assert.ok(step !== undefined, 'the filter runs over its end');
    const [code, ifTrue, ifFalse, operand] = step;
    // As the kernel does: a load from beyond the packet drops it.
    try {
      if (code === 0x06) return operand > 0;
      else if (code === 0x30) a = view.getUint8(operand);
      else if (code === 0x28) a = view.getUint16(operand);
      else if (code === 0x20) a = view.getUint32(operand);
      else if (code === 0x48) a = view.getUint16(x + operand);
      else if (code === 0xb1) x = (view.getUint8(operand) & 0xf) * 4;
      else if (code === 0x15) index += a === operand ? ifTrue : ifFalse;
      else if (code === 0x45) index += (a & operand) === 0 ? ifFalse : ifTrue;
      else assert.fail(`unknown instruction ${code}`);
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }
}

function udpTo(destinationPort: number): Uint8Array {
  return encodeUdpDatagram({
    source: '10.0.2.2',
    sourcePort: 67,
    destination: ADDRESS,
    destinationPort,
    payload: Uint8Array.of(0, 68, 0, 68),
  });
}

test('dhcpFilter passes UDP to port 68 and nothing else', () => {
  const good = udpTo(68);
  assert.ok(passes(dhcpFilter(), good));
  assert.ok(!passes(dhcpFilter(), udpTo(67)));
  const tcp = good.slice();
  tcp[9] = 6;
  assert.ok(!passes(dhcpFilter(), tcp));
  const secondFragment = good.slice();
  secondFragment[7] = 1;
  assert.ok(!passes(dhcpFilter(), secondFragment));
  const firstFragment = good.slice();
  firstFragment[6] = 0x20;
  assert.ok(passes(dhcpFilter(), firstFragment));
  for (let length = 0; length < 24; length++) assert.ok(!passes(dhcpFilter(), good.subarray(0, length)));
});

test('dhcpFilter finds the port behind IP options', () => {
  const plain = udpTo(68);
  const withOptions = Uint8Array.of(0x46, ...plain.subarray(1, 20), 1, 1, 1, 0, ...plain.subarray(20));
  assert.ok(passes(dhcpFilter(), withOptions));
});

test('conflictFilter passes claims and probes of others for our address, and nothing else', () => {
  const filter = conflictFilter(MAC, ADDRESS);
  const reply: ArpPacket = {
    operation: 'reply',
    senderMac: OTHER_MAC,
    senderAddress: ADDRESS,
    targetMac: MAC,
    targetAddress: '0.0.0.0',
  };
  const question = {
    ...reply,
    operation: 'request' as const,
    senderAddress: '10.0.2.2',
    targetAddress: ADDRESS,
  };
  const cases: [string, boolean, ArpPacket][] = [
    ['an announcement of another host', true, arpAnnouncement(OTHER_MAC, ADDRESS)],
    ['a probe of another host', true, arpProbe(OTHER_MAC, ADDRESS)],
    ['an answer to our probe', true, reply],
    ['our own announcement', false, arpAnnouncement(MAC, ADDRESS)],
    ['our own probe', false, arpProbe(MAC, ADDRESS)],
    ['a claim of another address', false, arpAnnouncement(OTHER_MAC, '10.0.2.16')],
    ['a probe for another address', false, arpProbe(OTHER_MAC, '10.0.2.16')],
    ['somebody asking where we are', false, question],
  ];
  for (const [name, expected, packet] of cases)
    assert.equal(passes(filter, encodeArp(packet)), expected, name);
});
