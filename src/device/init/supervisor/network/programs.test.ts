// The programs of apps' networks, run by an interpreter over random rules and addresses, against the same said in
// TypeScript. That the kernel takes them and does as they say is tried in test/init/network-guard.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Helper, runProgram } from '../../../../../test/support/formats/ebpf-interpreter.ts';
import { allowedPorts, PORT_PROTOCOLS, type PortRange } from '../../../../shared/network/ports.ts';
import { bindProgram } from './bind-program.ts';
import { everybodyPrefixes, lanPrefixes, localPrefixes, prefixKey, PREFIX_KEY_BYTES } from './prefixes.ts';
import {
  hidingConnectProgram,
  lanConnectProgram,
  lanPacketProgram,
  outboundConnectProgram,
  outboundPacketProgram,
  REACH,
} from './reach-programs.ts';
import { parseNetworkRefusal, type NetworkRefusal, REFUSAL_BYTES } from './refusals.ts';

const ROUNDS = 2000;
const QUEUE = { map: 5, app: 3 };
const SET = 9;
const VALUE_ADDRESS = 0xf00n;

function random(below: number): number {
  return Math.floor(Math.random() * below);
}

/** struct bpf_sock_addr */
function socketAddress(type: number, port: number, address: Uint8Array = new Uint8Array(16)): Uint8Array {
  const bytes = new Uint8Array(64);
  const view = new DataView(bytes.buffer);
  if (address.length === 4) bytes.set(address, 4);
  else bytes.set(address, 8);
  view.setUint16(24, port);
  view.setUint32(32, type, true);
  return bytes;
}

/** A kernel with the queue, and one set of prefixes. */
class Kernel {
  readonly refusals: NetworkRefusal[] = [];
  readonly #prefixes: readonly { key: Uint8Array; value: number }[];

  constructor(prefixes: readonly (readonly [string, number])[] = []) {
    this.#prefixes = prefixes
      .map(([prefix, value]) => ({ key: prefixKey(prefix) ?? assert.fail(prefix), value }))
      .toSorted((one, other) => (other.key[0] ?? 0) - (one.key[0] ?? 0));
  }

  run(program: Uint8Array, context: Uint8Array, packet = new Uint8Array()): number {
    const push: Helper = ({ at }, map, value) => {
      assert.equal(map, BigInt(QUEUE.map));
      this.refusals.push(parseNetworkRefusal(at(value, REFUSAL_BYTES).slice()));
      return 0n;
    };
    const lookUp: Helper = ({ at }, map, key) => {
      assert.equal(map, BigInt(SET));
      const value = this.valueOf(at(key + 4n, PREFIX_KEY_BYTES - 4));
      at(VALUE_ADDRESS, 1)[0] = value ?? 0;
      return value === undefined ? 0n : VALUE_ADDRESS;
    };
    const loadBytes: Helper = ({ at }, _packet, offset, to, length) => {
      at(to, Number(length)).set(packet.subarray(Number(offset), Number(offset + length)));
      return 0n;
    };
    return Number(runProgram(program, context, { 1: lookUp, 26: loadBytes, 87: push }));
  }

  valueOf(address: Uint8Array): number | undefined {
    const fits = (key: Uint8Array): boolean => {
      for (let bit = 0; bit < (key[0] ?? 0); bit++) {
        const mask = 0x80 >> (bit & 7);
        if (((key[4 + (bit >> 3)] ?? 0) & mask) !== ((address[bit >> 3] ?? 0) & mask)) return false;
      }
      return true;
    };
    return this.#prefixes.find(({ key }) => fits(key))?.value;
  }
}

function randomRange(): PortRange {
  const first = 1 + random(random(2) === 0 ? 2000 : 65_535);
  const protocol = PORT_PROTOCOLS[random(2)] ?? 'tcp';
  return { protocol, first, last: Math.min(65_535, first + random(3) * random(500)) };
}

test('the program of bind lets an app have its ports and no others, and reports those', () => {
  for (let round = 0; round < ROUNDS; round++) {
    const [named, taken] = [0, 1].map(() => Array.from({ length: random(6) }, randomRange));
    const rules = (named ?? []).map(({ protocol, first, last }) => `${protocol}/${first}-${last}`);
    if (random(2) === 0) rules.push('any');
    const allowed = allowedPorts(rules, taken ?? []);
    const edges = [...allowed, ...(named ?? []), ...(taken ?? [])].flatMap(({ first, last }) => [
      first,
      last,
    ]);
    const port = Math.min(
      65_535,
      Math.max(0, (edges[random(edges.length)] ?? random(65_536)) + random(3) - 1),
    );
    const protocol = PORT_PROTOCOLS[random(2)] ?? 'tcp';
    const contains = (range: PortRange): boolean =>
      range.protocol === protocol && range.first <= port && port <= range.last;
    const isFree = rules.includes('any') && port >= 1024 && !(taken ?? []).some(contains);
    const isAllowed = port === 0 || (named ?? []).some(contains) || isFree;
    const kernel = new Kernel();
    const context = socketAddress(protocol === 'tcp' ? 1 : 2, port);
    const what = `${protocol}/${port} with ${rules.join(', ')}, taken ${JSON.stringify(taken)}`;
    assert.equal(kernel.run(bindProgram(allowed, QUEUE), context), isAllowed ? 3 : 0, what);
    const refusal = { app: QUEUE.app, act: 'bind', protocol, port, address: null };
    assert.deepEqual(kernel.refusals, isAllowed ? [] : [refusal]);
  }
});

test('sockets that have no ports are not asked about', () => {
  const SOCK_RAW = 3;
  assert.equal(new Kernel().run(bindProgram([], QUEUE), socketAddress(SOCK_RAW, 80)), 3);
});

const STATUS = {
  interfaces: [
    { addresses: ['10.9.8.7/24', '203.0.113.5/28', '2001:db8:1::5/64', 'fe80::5/64'], dns: ['9.9.9.9'] },
  ],
} as unknown as Parameters<typeof lanPrefixes>[0];

const ADDRESSES: readonly [string, { local: boolean; lan: boolean }][] = [
  ['127.0.0.1', { local: true, lan: true }],
  ['0.0.0.0', { local: true, lan: true }],
  ['::1', { local: true, lan: true }],
  ['::', { local: true, lan: true }],
  ['::ffff:127.0.0.1', { local: true, lan: true }],
  ['10.9.8.7', { local: true, lan: true }],
  ['203.0.113.5', { local: true, lan: true }],
  ['::ffff:203.0.113.5', { local: true, lan: true }],
  ['2001:db8:1::5', { local: true, lan: true }],
  ['fe80::5', { local: true, lan: true }],
  ['10.1.1.1', { local: false, lan: true }],
  ['172.31.255.255', { local: false, lan: true }],
  ['172.32.0.0', { local: false, lan: false }],
  ['192.168.1.1', { local: false, lan: true }],
  ['169.254.1.1', { local: false, lan: true }],
  ['100.64.0.1', { local: false, lan: false }],
  ['203.0.113.14', { local: false, lan: true }],
  ['203.0.113.16', { local: false, lan: false }],
  ['224.0.0.251', { local: false, lan: true }],
  ['224.0.1.1', { local: false, lan: false }],
  ['239.255.255.250', { local: false, lan: true }],
  ['255.255.255.255', { local: false, lan: true }],
  ['9.9.9.9', { local: false, lan: false }],
  ['2001:db8:1::6', { local: false, lan: true }],
  ['2001:db8:2::6', { local: false, lan: false }],
  ['fd00::1', { local: false, lan: true }],
  ['fe80::1', { local: false, lan: true }],
  ['ff02::fb', { local: false, lan: true }],
  ['ff0e::1', { local: false, lan: false }],
];

function bytesOf(address: string): { family: 'ipv4' | 'ipv6'; bytes: Uint8Array } {
  const key = prefixKey(`${address}/${address.includes(':') ? 128 : 32}`) ?? assert.fail(address);
  return address.includes(':')
    ? { family: 'ipv6', bytes: key.slice(4) }
    : { family: 'ipv4', bytes: key.slice(16) };
}

const everything = (prefix: string) => [prefix, REACH.everything] as const;

test('inspectors of other apps are out of reach at every address of the device, and nothing else is', () => {
  const local = new Kernel(localPrefixes(STATUS).map(everything));
  const ports = { local: SET, hidden: [9230, 41_000] };
  for (const [address, expected] of ADDRESSES) {
    const { family, bytes } = bytesOf(address);
    for (const [port, isHidden] of [
      [9230, true],
      [41_000, true],
      [80, false],
    ] as const) {
      const verdict = local.run(hidingConnectProgram(family, ports), socketAddress(1, port, bytes));
      assert.equal(verdict, expected.local && isHidden ? 0 : 1, `${address}, port ${port}`);
    }
  }
  assert.equal(local.refusals.length, 0);
  const lan = new Kernel(lanPrefixes(STATUS).map(everything));
  const inLan = lanConnectProgram('ipv4', { ...ports, lan: SET }, QUEUE);
  const loopback = bytesOf('127.0.0.1').bytes;
  assert.equal(lan.run(inLan, socketAddress(1, 9230, loopback)), 0);
  assert.equal(lan.run(inLan, socketAddress(1, 9231, loopback)), 1);
});

test('addresses are judged as the networks of the device say', () => {
  const local = new Kernel(localPrefixes(STATUS).map(everything));
  const lan = new Kernel([...lanPrefixes(STATUS).map(everything), ['9.9.9.9/32', REACH.dns]]);
  for (const [address, expected] of ADDRESSES) {
    const { family, bytes } = bytesOf(address);
    const context = socketAddress(1, 80, bytes);
    const outbound = local.run(outboundConnectProgram(family, SET, QUEUE), context);
    assert.equal(outbound, expected.local ? 0 : 1, `outbound to ${address}`);
    const toLan = lan.run(lanConnectProgram(family, { lan: SET, local: SET, hidden: [] }, QUEUE), context);
    assert.equal(toLan, expected.lan ? 1 : 0, `lan to ${address}`);
    const isKnown = expected.lan || address === '9.9.9.9';
    for (const direction of ['ingress', 'egress'] as const) {
      const packet = new Uint8Array(40);
      const offset = { ipv4: { ingress: 12, egress: 16 }, ipv6: { ingress: 8, egress: 24 } }[family][
        direction
      ];
      packet.set(bytes, offset);
      const skb = new Uint8Array(192);
      new DataView(skb.buffer).setUint16(16, family === 'ipv4' ? 0x0800 : 0x86dd);
      assert.equal(
        lan.run(lanPacketProgram(direction, SET), skb, packet),
        isKnown ? 1 : 0,
        `${direction} ${address}`,
      );
    }
  }
  const dns = socketAddress(2, 53, bytesOf('9.9.9.9').bytes);
  assert.equal(lan.run(lanConnectProgram('ipv4', { lan: SET, local: SET, hidden: [] }, QUEUE), dns), 1);
  assert.deepEqual(lan.refusals.at(0), {
    app: 3,
    act: 'send',
    protocol: 'tcp',
    port: 80,
    address: '172.32.0.0',
  });
  assert.equal(lan.refusals.at(-1)?.address, 'ff0e::1');
});

test('of the loopback interface an app with "outbound" has the connections to its inspector alone', () => {
  const kernel = new Kernel();
  const SOCKET_AT = 0xe00;
  const judge = (
    direction: 'ingress' | 'egress',
    { inspector, port, protocol = 6, etherType = 0x0800 }: Record<string, number | undefined>,
  ): number => {
    const packet = new Uint8Array(40);
    packet[9] = protocol ?? 0;
    packet.set(bytesOf('127.0.0.1').bytes, 16);
    const context = new Uint8Array(SOCKET_AT - 0x100 + 80);
    const view = new DataView(context.buffer);
    view.setUint16(16, etherType ?? 0);
    view.setUint32(40, 1, true);
    view.setBigUint64(168, port === undefined ? 0n : BigInt(SOCKET_AT), true);
    view.setUint32(SOCKET_AT - 0x100 + 44, port ?? 0, true);
    return kernel.run(outboundPacketProgram(direction, SET, inspector), context, packet);
  };
  for (const direction of ['ingress', 'egress'] as const) {
    assert.equal(judge(direction, { inspector: 41_000, port: 41_000 }), 1);
    for (const refused of [
      { port: 41_000 },
      { inspector: 41_000, port: 41_001 },
      { inspector: 41_000 },
      { inspector: 41_000, port: 41_000, protocol: 17 },
      { inspector: 41_000, port: 41_000, etherType: 0x86dd },
    ])
      assert.equal(judge(direction, refused), 0, `${direction} ${JSON.stringify(refused)}`);
  }
});

test('no packet of an app with "outbound" goes to everybody at once, however it was sent, and none comes from there', () => {
  const kernel = new Kernel(everybodyPrefixes(STATUS).map(everything));
  const judge = (address: string, direction: 'ingress' | 'egress', interfaceIndex = 2): number => {
    const { family, bytes } = bytesOf(address);
    const packet = new Uint8Array(40);
    packet.set(bytes, { ipv4: 16, ipv6: 24 }[family]);
    const skb = new Uint8Array(192);
    const view = new DataView(skb.buffer);
    view.setUint16(16, family === 'ipv4' ? 0x0800 : 0x86dd);
    view.setUint32(40, interfaceIndex, true);
    return kernel.run(outboundPacketProgram(direction, SET), skb, packet);
  };
  for (const direction of ['ingress', 'egress'] as const) {
    for (const address of [
      '255.255.255.255',
      '10.9.8.255',
      '203.0.113.15',
      '224.0.0.1',
      '239.1.2.3',
      'ff02::1',
    ])
      assert.equal(judge(address, direction), 0, `${direction} ${address}`);
    for (const address of ['10.9.8.7', '10.9.8.254', '203.0.113.16', '9.9.9.9', '2001:db8:1::5'])
      assert.equal(judge(address, direction), 1, `${direction} ${address}`);
    assert.equal(judge('9.9.9.9', direction, 1), 0, 'by the loopback interface');
  }
});
