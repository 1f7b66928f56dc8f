import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  decodeLink,
  decodeLinkAddress,
  decodeNetlink,
  decodeNetlinkError,
  decodeRouterDns,
  encodeIpv4Address,
  encodeIpv4Route,
  encodeLinkChange,
  encodeNetlink,
  isWirelessEvent,
} from './netlink-message.ts';

const SEED = 3549;

function hex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));
}

function hasCarrier(flags: string): boolean {
  return decodeLink(hex(`00 00 0100 02000000 ${flags} 00000000`)).hasCarrier;
}

test('encodeNetlink is undone by decodeNetlink, several messages in a row', () => {
  const message = fc.record(
    {
      type: fc.nat(0xffff),
      flags: fc.nat(0xffff),
      sequence: fc.nat(0xffff_ffff),
      payload: fc.uint8Array({ maxLength: 60 }),
    },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      const padded = messages.map((each) => {
        const bytes = encodeNetlink(each);
        return Buffer.concat([bytes], Math.ceil(bytes.length / 4) * 4);
      });
      assert.deepEqual(decodeNetlink(new Uint8Array(Buffer.concat(padded))), messages);
    }),
    { seed: SEED },
  );
});

test('decodeLink reads what the kernel sends for a veth with carrier', () => {
  const payload = hex(`
    00 00 0100 02000000 43100100 00000000
    0900 0300 65746830 00 000000
    0800 0400 dc050000
    0800 3300 ffff0000
    0a00 0100 525400123456 0000`);
  assert.deepEqual(decodeLink(payload), {
    index: 2,
    name: 'eth0',
    mac: hex('525400123456'),
    isEthernet: true,
    isUp: true,
    hasCarrier: true,
    mtu: 1500,
    maxMtu: 65_535,
  });
});

test('decodeLink needs LOWER_UP and RUNNING for carrier', () => {
  assert.ok(hasCarrier('41000100'));
  assert.ok(!hasCarrier('01000100'));
  assert.ok(!hasCarrier('41000000'));
  assert.ok(!hasCarrier('40000100'));
});

test('encodeIpv4Address has the address, its broadcast address, lifetime and metric', () => {
  const payload = encodeIpv4Address({
    linkIndex: 2,
    address: '10.0.2.15',
    prefixLength: 24,
    broadcast: '10.0.2.255',
    metric: 102,
    validSec: 3600,
  });
  const expected = `02 18 00 00 02000000
    0800 0200 0a00020f
    0800 0100 0a00020f
    1400 0600 100e0000 100e0000 00000000 00000000
    0800 0900 66000000
    0800 0400 0a0002ff`;
  assert.equal(Buffer.from(payload).toString('hex'), expected.replaceAll(/\s/g, ''));
  const decoded = decodeLinkAddress(payload);
  assert.deepEqual(decoded, {
    family: 'ipv4',
    linkIndex: 2,
    prefixLength: 24,
    address: Uint8Array.of(10, 0, 2, 15),
    isTentative: false,
  });
});

test('encodeIpv4Route writes a default route through a router', () => {
  const route = { linkIndex: 2, destination: '0.0.0.0', prefixLength: 0, gateway: '10.0.2.2', metric: 102 };
  const expected = `02 00 00 00 fe 10 00 01 04000000
    0800 0400 02000000
    0800 0600 66000000
    0800 0500 0a000202
    0800 0700 0a00020f`;
  assert.equal(
    Buffer.from(encodeIpv4Route({ ...route, origin: 'dhcp' }, '10.0.2.15')).toString('hex'),
    expected.replaceAll(/\s/g, ''),
  );
});

test('encodeLinkChange switches on and sets the MTU', () => {
  assert.equal(
    Buffer.from(encodeLinkChange(3, { up: true, mtu: 1400 })).toString('hex'),
    '0000000003000000 01000000 01000000 08000400 78050000'.replaceAll(' ', ''),
  );
});

test('decodeRouterDns reads RDNSS and DNSSL options', () => {
  const header = '0a 00 1800 03000000 86 00 000000000000';
  const rdnss = `${header} 19 03 0000 00000e10 20010db8000000000000000000000053`;
  assert.deepEqual(decodeRouterDns(hex(rdnss)), {
    linkIndex: 3,
    servers: [hex('20010db8000000000000000000000053')],
    search: [],
    lifetimeSec: 3600,
  });
  const dnssl = `${header} 1f 03 0000 0000003c 04686f6d65 036c616e 00 000000000000`;
  assert.deepEqual(decodeRouterDns(hex(dnssl))?.search, ['home.lan']);
  assert.equal(decodeRouterDns(hex(`${header} 18 01 0000 00000000`)), undefined);
});

test('decodeNetlinkError gives the errno', () => {
  assert.equal(decodeNetlinkError(hex('00000000')), 0);
  assert.equal(decodeNetlinkError(hex('efffffff')), 17);
});

test('decoders throw nothing but SyntaxError on any bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      for (const decode of [
        decodeNetlink,
        decodeLink,
        decodeLinkAddress,
        decodeRouterDns,
        decodeNetlinkError,
      ]) {
        try {
          decode(bytes);
        } catch (error) {
          assert.ok(error instanceof SyntaxError, String(error));
        }
      }
    }),
    { seed: SEED, numRuns: 2000 },
  );
});

test('isWirelessEvent knows what wireless extensions tell from a change of a link', () => {
  const head = new Uint8Array(16);
  const name = Uint8Array.of(10, 0, 3, 0, 0x77, 0x6c, 0x61, 0x6e, 0x30, 0, 0, 0);
  const event = Uint8Array.of(8, 0, 11, 0, 0x15, 0x8b, 0, 0);
  assert.equal(isWirelessEvent(Buffer.concat([head, name, event])), true);
  assert.equal(isWirelessEvent(Buffer.concat([head, name])), false);
  assert.equal(isWirelessEvent(head.subarray(4)), false);
});
