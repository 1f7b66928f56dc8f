import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RouterDnsList } from './router-dns.ts';

const GLOBAL = new Uint8Array(16).fill(1, 15);
const LINK_LOCAL = Uint8Array.of(0xfe, 0x80, ...new Uint8Array(13), 1);

function announce(servers: Uint8Array[], lifetimeSec: number, search: string[] = []) {
  return { linkIndex: 2, servers, search, lifetimeSec };
}

test('RouterDnsList keeps servers as long as their routers say', () => {
  const list = new RouterDnsList('eth0');
  list.add(announce([GLOBAL, LINK_LOCAL], 60, []), 0);
  list.add(announce([GLOBAL], 0xffff_ffff), 1000);
  assert.deepEqual(list.servers(59_999), ['::1', 'fe80::1%eth0']);
  assert.equal(list.nextEndMs(), 60_000);
  assert.deepEqual(list.servers(60_000), ['::1']);
  assert.equal(list.nextEndMs(), Infinity);
});

test('RouterDnsList drops a server whose router takes it back', () => {
  const list = new RouterDnsList('eth0');
  list.add(announce([GLOBAL], 60), 0);
  list.add(announce([GLOBAL], 0), 1);
  assert.deepEqual(list.servers(2), []);
});

test('RouterDnsList takes no more than a few and nothing that is not a name', () => {
  const list = new RouterDnsList('eth0');
  for (let last = 1; last < 200; last++) list.add(announce([new Uint8Array(16).fill(last, 15)], 60), 0);
  assert.equal(list.servers(1).length, 8);
  list.add(announce([], 60, ['home.lan', 'x\nnameserver 6.6.6.6']), 0);
  assert.deepEqual(list.search(1), ['home.lan']);
});
