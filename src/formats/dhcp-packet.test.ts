import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  readClasslessRoutes,
  readDomains,
  readDomainSearch,
  readMessageType,
  readText,
  readUint16,
  readUint32,
} from './dhcp-options.ts';
import { decodeDhcp, type DhcpPacket, encodeDhcp } from './dhcp-packet.ts';
import { ipv4FromNumber } from './ipv4-address.ts';

const SEED = 2131;
const OPTIONS_OFFSET = 240;

const address = fc.nat(0xffff_ffff).map(ipv4FromNumber);
// 0, 52 and 255 are not values but the structure of the field.
const optionCode = fc.integer({ min: 1, max: 254 }).filter((code) => code !== 52);
const packet = fc.record(
  {
    op: fc.constantFrom('request' as const, 'reply' as const),
    xid: fc.nat(0xffff_ffff),
    secs: fc.nat(0xffff),
    broadcast: fc.boolean(),
    ciaddr: address,
    yiaddr: address,
    siaddr: address,
    giaddr: address,
    mac: fc.uint8Array({ minLength: 6, maxLength: 6 }),
    options: fc
      .array(fc.tuple(optionCode, fc.uint8Array({ maxLength: 700 })), { maxLength: 12 })
      .map((entries) => new Map(entries)),
  },
  { noNullPrototype: true },
);

const empty: DhcpPacket = {
  op: 'reply',
  xid: 1,
  secs: 0,
  broadcast: false,
  ciaddr: '0.0.0.0',
  yiaddr: '10.0.2.15',
  siaddr: '10.0.2.2',
  giaddr: '0.0.0.0',
  mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
  options: new Map(),
};

/** A message whose options field is exactly these bytes. */
function withOptionBytes(...bytes: number[]): Uint8Array {
  return Uint8Array.of(...encodeDhcp(empty).subarray(0, OPTIONS_OFFSET), ...bytes);
}

function labelBytes(text: string): number[] {
  return [text.length, ...new TextEncoder().encode(text)];
}

function domainsOf(text: string): string[] {
  return readDomains(new Map([[15, new TextEncoder().encode(text)]]));
}

function searchOf(bytes: number[]): string[] {
  return readDomainSearch(new Map([[119, Uint8Array.from(bytes)]]));
}

function routesOf(bytes: number[]): unknown {
  return readClasslessRoutes(new Map([[121, Uint8Array.from(bytes)]]));
}

function messageOf(value: string): string | undefined {
  return readText(new Map([[56, new TextEncoder().encode(value)]]), 56);
}

test('encodeDhcp is undone by decodeDhcp, long options included', () => {
  fc.assert(
    fc.property(packet, (value) => assert.deepEqual(decodeDhcp(encodeDhcp(value)), value)),
    { seed: SEED },
  );
});

test('encodeDhcp pads to the size of BOOTP', () => {
  assert.equal(encodeDhcp(empty).length, 300);
});

test('decodeDhcp reads the fields where RFC 2131 puts them', () => {
  const bytes = new Uint8Array(244);
  bytes.set([2, 1, 6, 0, 0xde, 0xad, 0xbe, 0xef, 0, 5, 0x80, 0, 1, 2, 3, 4, 10, 0, 2, 15, 10, 0, 2, 2]);
  bytes.set([192, 168, 1, 1, 0x52, 0x54, 0, 1, 2, 3], 24);
  bytes.set([99, 130, 83, 99, 53, 1, 2, 255], 236);
  assert.deepEqual(decodeDhcp(bytes), {
    op: 'reply',
    xid: 0xdeadbeef,
    secs: 5,
    broadcast: true,
    ciaddr: '1.2.3.4',
    yiaddr: '10.0.2.15',
    siaddr: '10.0.2.2',
    giaddr: '192.168.1.1',
    mac: Uint8Array.of(0x52, 0x54, 0, 1, 2, 3),
    options: new Map([[53, Uint8Array.of(2)]]),
  });
});

test('decodeDhcp continues in file and then in sname when option 52 says so', () => {
  const bytes = withOptionBytes(52, 1, 3, 12, 1, 0x61, 255);
  bytes.set([0, 0, 12, 1, 0x63, 255], 44); // sname
  bytes.set([12, 1, 0x62, 53, 1, 5, 255], 108); // file
  const { options } = decodeDhcp(bytes);
  assert.equal(readText(options, 12), 'abc');
  assert.equal(readMessageType(options), 'ack');
  assert.ok(!options.has(52));
});

test('decodeDhcp takes file and sname for names when option 52 does not say otherwise', () => {
  const bytes = withOptionBytes(53, 1, 2, 255);
  bytes.set(new TextEncoder().encode('pxelinux.0'), 108);
  assert.deepEqual([...decodeDhcp(bytes).options.keys()], [53]);
});

test('decodeDhcp joins the parts of a split option and stops at the end option', () => {
  const { options } = decodeDhcp(withOptionBytes(15, 2, 0x61, 0x62, 0, 0, 15, 1, 0x63, 255, 15, 1, 0x64));
  assert.deepEqual(readDomains(options), ['abc']);
});

test('decodeDhcp accepts a message without an end option', () => {
  assert.equal(readMessageType(decodeDhcp(withOptionBytes(53, 1, 5)).options), 'ack');
});

test('decodeDhcp refuses what is cut off, foreign, or overruns its field', () => {
  const good = encodeDhcp(empty);
  assert.throws(() => decodeDhcp(good.subarray(0, 239)), { name: 'SyntaxError', message: /too few/ });
  assert.throws(() => decodeDhcp(withOptionBytes(12, 9, 1)), /option 12 runs over the end of the options/);
  assert.throws(() => decodeDhcp(withOptionBytes(12)), /option 12 runs over/);
  const overrun = withOptionBytes(52, 1, 2, 255);
  overrun.set([12, 63], 44);
  assert.throws(() => decodeDhcp(overrun), /sname/);
  const bootp = good.slice();
  bootp[236] = 0;
  assert.throws(() => decodeDhcp(bootp), /magic cookie/);
  const tokenRing = good.slice();
  tokenRing[1] = 6;
  assert.throws(() => decodeDhcp(tokenRing), /Ethernet/);
});

test('readDomainSearch follows compression pointers backwards only', () => {
  // The example of RFC 3397 section 2: eng.apple.com., marketing.apple.com.
  const value = [
    ...labelBytes('eng'),
    ...labelBytes('apple'),
    ...labelBytes('com'),
    0,
    ...labelBytes('marketing'),
    0xc0,
    4,
  ];
  assert.deepEqual(searchOf(value), ['eng.apple.com', 'marketing.apple.com']);
  assert.deepEqual(searchOf([0xc0, 0]), []);
  assert.deepEqual(searchOf([1, 0x61, 0xc0, 0]), []);
  assert.deepEqual(searchOf([5, 0x61]), []);
  assert.deepEqual(searchOf([...labelBytes('bad name'), 0, ...labelBytes('good'), 0]), ['good']);
});

test('readClasslessRoutes reads destinations of every length', () => {
  assert.deepEqual(routesOf([0, 10, 0, 0, 1, 12, 172, 31, 10, 0, 0, 2, 32, 1, 2, 3, 4, 0, 0, 0, 0]), [
    { destination: '0.0.0.0', prefixLength: 0, router: '10.0.0.1' },
    { destination: '172.16.0.0', prefixLength: 12, router: '10.0.0.2' },
    { destination: '1.2.3.4', prefixLength: 32, router: '0.0.0.0' },
  ]);
  for (const bad of [[], [33, 1, 2, 3, 4, 5, 6, 7, 8, 9], [24, 10, 0, 0, 1, 2, 3]]) {
    assert.equal(routesOf(bad), undefined);
  }
});

test('readText lets nothing into a log or a file but printable characters', () => {
  assert.equal(messageOf('no free address\0'), 'no free address');
  assert.equal(messageOf('x\nnameserver 6.6.6.6'), undefined);
  assert.deepEqual(domainsOf('lan\nnameserver 6.6.6.6'), []);
  assert.deepEqual(domainsOf('home.lan.'), ['home.lan']);
});

test('readDomains takes several names, as people write them into one option', () => {
  for (const text of [
    'home.lan work.lan',
    ' home.lan,  work.lan.\0',
    'Home.LAN;work.lan home.lan',
    'home.lan\0work.lan',
  ]) {
    assert.deepEqual(domainsOf(text), ['home.lan', 'work.lan'], text);
  }
  assert.deepEqual(domainsOf(`-bad .x a..b ${'x'.repeat(64)} ok_1 ümlaut`), []);
  assert.deepEqual(domainsOf(`-bad .x a..b ${'x'.repeat(64)} ok_1`), ['ok_1']);
  for (const text of ['', '.', '\0', ',']) assert.deepEqual(domainsOf(text), [], text);
});

test('readDomainSearch takes a text for what it means, and of a damaged value what is whole', () => {
  assert.deepEqual(searchOf([...new TextEncoder().encode('home.lan,work.lan')]), ['home.lan', 'work.lan']);
  const home = [...labelBytes('Home'), ...labelBytes('lan'), 0];
  assert.deepEqual(searchOf([...home, ...home, 9, 0x61]), ['home.lan']);
});

test('a value of a fixed size counts once when a server sends it twice', () => {
  const { options } = decodeDhcp(
    withOptionBytes(53, 1, 5, 53, 1, 5, 51, 4, 0, 0, 14, 16, 51, 4, 0, 0, 0, 9, 26, 3, 5, 5, 5, 255),
  );
  assert.equal(readMessageType(options), 'ack');
  assert.equal(readUint32(options, 51), 3600);
  assert.equal(readUint16(options, 26), undefined);
});
