import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addressOption,
  DHCP_OPTION,
  textOption,
  uint16Option,
  uint32Option,
} from '../../../formats/dhcp-options.ts';
import { decodeDhcp, type DhcpPacket, encodeDhcp } from '../../../formats/dhcp-packet.ts';
import { encodeUdpDatagram, decodeUdpDatagram } from '../../../formats/ipv4-packet.ts';
import { leaseOf } from './lease.ts';
import { stepDhcp } from './machine.ts';
import { createDhcpMachine } from './state.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
/** `npm run fuzz -- dhcp` tries as many as are wanted. */
const FUZZ_PACKETS = 10_000;

function ack(options: [number, Uint8Array][], yiaddr = '10.0.2.15'): DhcpPacket {
  return {
    op: 'reply',
    xid: 1,
    secs: 0,
    broadcast: false,
    ciaddr: '0.0.0.0',
    yiaddr,
    siaddr: '0.0.0.0',
    giaddr: '0.0.0.0',
    mac: MAC,
    options: new Map([
      [DHCP_OPTION.messageType, Uint8Array.of(5)],
      [DHCP_OPTION.serverId, addressOption('10.0.2.2')],
      [DHCP_OPTION.leaseTime, uint32Option(86_400)],
      ...options,
    ]),
  };
}

test('leaseOf reads everything that a server may say', () => {
  const packet = ack([
    [DHCP_OPTION.subnetMask, addressOption('255.255.255.0')],
    [DHCP_OPTION.routers, addressOption('10.0.2.2', '10.0.2.3')],
    [DHCP_OPTION.dns, addressOption('10.0.2.3', '10.0.2.3', '9.9.9.9')],
    [DHCP_OPTION.domain, textOption('home.lan')],
    [DHCP_OPTION.ntpServers, addressOption('10.0.2.4')],
    [DHCP_OPTION.mtu, uint16Option(1400)],
  ]);
  assert.deepEqual(leaseOf(packet), {
    address: '10.0.2.15',
    prefixLength: 24,
    server: '10.0.2.2',
    isServerNamed: true,
    routers: ['10.0.2.2', '10.0.2.3'],
    routes: [],
    dns: ['10.0.2.3', '9.9.9.9'],
    search: ['home.lan'],
    ntpServers: ['10.0.2.4'],
    mtu: 1400,
    leaseSec: 86_400,
    renewSec: 43_200,
    rebindSec: 75_600,
    notes: [],
  });
});

test('leaseOf ignores routers when there are classless routes (RFC 3442)', () => {
  const lease = leaseOf(
    ack([
      [DHCP_OPTION.routers, addressOption('10.0.2.2')],
      [DHCP_OPTION.classlessRoutes, Uint8Array.of(8, 172, 10, 0, 2, 8, 0, 10, 0, 2, 9)],
    ]),
  );
  assert.deepEqual(lease?.routers, ['10.0.2.9']);
  assert.deepEqual(lease?.routes, [{ destination: '172.0.0.0', prefixLength: 8, router: '10.0.2.8' }]);
});

test('leaseOf falls back where an option is wrong', () => {
  const lease = leaseOf(
    ack([
      [DHCP_OPTION.subnetMask, addressOption('255.0.255.0')],
      [DHCP_OPTION.routers, Uint8Array.of(10, 0, 2)],
      [DHCP_OPTION.dns, addressOption('0.0.0.0', '255.255.255.255', '1.1.1.1')],
      [DHCP_OPTION.classlessRoutes, Uint8Array.of(99)],
      [DHCP_OPTION.mtu, uint16Option(68)],
      [DHCP_OPTION.renewalTime, uint32Option(90_000)],
      [DHCP_OPTION.domainSearch, Uint8Array.of(0xc0, 0)],
    ]),
  );
  assert.equal(lease?.prefixLength, 8);
  assert.deepEqual(lease?.routers, []);
  assert.deepEqual(lease?.dns, ['1.1.1.1']);
  assert.equal(lease?.mtu, null);
  assert.equal(lease?.renewSec, 43_200);
  assert.deepEqual(lease?.search, []);
});

/** Without what `ack` has of itself: 51 and 54. */
function ackWithout(...codes: number[]): DhcpPacket {
  const packet = ack([[DHCP_OPTION.subnetMask, addressOption('255.255.255.0')]]);
  return { ...packet, options: new Map([...packet.options].filter(([code]) => !codes.includes(code))) };
}

test('leaseOf makes the best of a server that leaves out what it must not, and notes it', () => {
  const unnamed = leaseOf(ackWithout(DHCP_OPTION.serverId), '10.0.2.1');
  assert.deepEqual([unnamed?.server, unnamed?.isServerNamed], ['10.0.2.1', false]);
  assert.match(
    unnamed?.notes.join() ?? '',
    /^The DHCP server does not say who it is \(option 54\): taken for 10\.0\.2\.1/,
  );
  const timeless = leaseOf(ackWithout(DHCP_OPTION.leaseTime));
  assert.deepEqual([timeless?.leaseSec, timeless?.renewSec, timeless?.rebindSec], [3600, 1800, 3150]);
  assert.match(
    timeless?.notes.join() ?? '',
    /for how long it lends the address \(option 51\): taken for an hour$/,
  );
  assert.match(
    leaseOf(ackWithout(DHCP_OPTION.subnetMask))?.notes.join() ?? '',
    /\(option 1\): taken for \/8$/,
  );
});

test('leaseOf notes values that cannot be used, by the number of their option', () => {
  const lease = leaseOf(
    ack([
      [DHCP_OPTION.subnetMask, addressOption('255.255.255.0')],
      [DHCP_OPTION.routers, Uint8Array.of(10, 0, 2)],
      [DHCP_OPTION.dns, Uint8Array.of(1, 1, 1, 1, 8)],
      [DHCP_OPTION.domain, textOption('not/a/name!')],
      [DHCP_OPTION.mtu, uint16Option(100)],
    ]),
  );
  assert.deepEqual(lease?.notes, [
    'The DHCP server asks for an MTU of 100 bytes (option 26): passed over, as too small for IPv4',
    'The DHCP server sends routers that cannot be read (option 3, 3 bytes): passed over',
    'The DHCP server sends DNS servers that cannot be read (option 6, 5 bytes): passed over',
    'The DHCP server sends a domain that cannot be read (option 15, 11 bytes): passed over',
  ]);
});

test('leaseOf takes the times of the server when they are in order', () => {
  const times: [number, Uint8Array][] = [
    [DHCP_OPTION.renewalTime, uint32Option(600)],
    [DHCP_OPTION.rebindingTime, uint32Option(900)],
  ];
  const lease = leaseOf(ack(times));
  assert.deepEqual([lease?.renewSec, lease?.rebindSec], [600, 900]);
  const endless = leaseOf(ack([...times, [DHCP_OPTION.leaseTime, uint32Option(0xffff_ffff)]]));
  assert.deepEqual([endless?.leaseSec, endless?.renewSec, endless?.rebindSec], [null, null, null]);
});

test('leaseOf is undefined without a server, a time or a usable address', () => {
  assert.equal(leaseOf(ack([[DHCP_OPTION.serverId, Uint8Array.of(1)]])), undefined);
  assert.equal(leaseOf(ack([[DHCP_OPTION.leaseTime, uint32Option(0)]])), undefined);
  assert.equal(leaseOf(ack([[DHCP_OPTION.messageType, Uint8Array.of(6)]])), undefined);
  for (const bad of ['0.0.0.0', '127.0.0.1', '239.1.1.1', '255.255.255.255']) {
    assert.equal(leaseOf(ack([], bad)), undefined, bad);
  }
});

test('the way of a packet from the wire to a lease throws nothing but SyntaxError', () => {
  const random = mulberry32(3396);
  const options: [number, Uint8Array][] = [
    [DHCP_OPTION.subnetMask, addressOption('255.255.255.0')],
    [DHCP_OPTION.classlessRoutes, Uint8Array.of(8, 172, 10, 0, 2, 8, 0, 10, 0, 2, 9)],
    [DHCP_OPTION.domainSearch, Uint8Array.of(1, 97, 1, 98, 0, 1, 99, 0xc0, 2)],
  ];
  const payload = encodeDhcp(ack(options));
  const good = encodeUdpDatagram({
    source: '10.0.2.2',
    sourcePort: 67,
    destination: '10.0.2.15',
    destinationPort: 68,
    payload,
  });
  let machine = createDhcpMachine({ mac: MAC, hostname: 'x' });
  const env = { nowMs: 0, random };
  machine = stepDhcp(machine, { type: 'carrier', up: true, storedAddress: null }, env).machine;
  let accepted = 0;
  for (let count = 0; count < FUZZ_PACKETS; count++) {
    // Half of them keep the outer headers, so that the damage reaches the options.
    const isInner = count % 2 === 0;
    const bytes = damage(isInner ? payload : good, random);
    try {
      const packet = decodeDhcp(isInner ? bytes : decodeUdpDatagram(bytes).payload);
      const notes = leaseOf(packet, '10.0.2.1')?.notes.join('') ?? '';
      assert.match(notes, /^[ -~]*$/);
      const sender = count % 4 < 2 ? {} : { sender: '10.0.2.1' };
      const event = { type: 'packet', packet: { ...packet, xid: machine.xid }, ...sender } as const;
      machine = stepDhcp(machine, event, env).machine;
      accepted++;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
  }
  assert.ok(accepted > FUZZ_PACKETS / 10, `only ${accepted} packets got as far as the options`);
});

/** A copy with one to four bytes replaced, and sometimes its end cut off. */
function damage(original: Uint8Array, random: () => number): Uint8Array {
  const bytes = original.slice();
  const hits = 1 + Math.floor(random() * 4);
  for (let hit = 0; hit < hits; hit++) {
    // Mostly the options: the fixed fields take any value.
    const from = random() < 0.8 ? Math.min(240, bytes.length - 1) : 0;
    bytes[from + Math.floor(random() * (bytes.length - from))] = Math.floor(random() * 256);
  }
  return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}

/** A small seeded generator: fast-check would take a minute for so many. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
