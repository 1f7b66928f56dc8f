import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Lease } from './dhcp/lease.ts';
import { LeaseStore } from './lease-store.ts';

const MAC = '52:54:00:12:34:56';
const LEASE = { address: '10.0.2.15', prefixLength: 24, server: '10.0.2.2' } as Lease;

test('LeaseStore gives back the address of each card and forgets on demand', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-leases-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const logged: string[] = [];
  const store = new LeaseStore(join(directory, 'net/leases'), (text) => logged.push(text));
  assert.equal(store.readAddress(MAC), null);
  store.write(MAC, LEASE);
  assert.equal(store.readAddress(MAC), '10.0.2.15');
  assert.equal(store.readAddress('52:54:00:00:00:00'), null);
  store.remove(MAC);
  store.remove(MAC);
  assert.equal(store.readAddress(MAC), null);
  assert.deepEqual(logged, []);
});

test('LeaseStore takes a damaged file for none and survives a disk that cannot be written', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-leases-'));
  t.after(() => rmSync(directory, { recursive: true }));
  for (const text of ['', '{', '{"address":7}', '{"address":"10.0.2.999"}', 'null']) {
    writeFileSync(join(directory, `${MAC}.json`), text);
    assert.equal(new LeaseStore(directory, () => {}).readAddress(MAC), null, text);
  }
  const logged: string[] = [];
  writeFileSync(join(directory, 'file'), '');
  new LeaseStore(join(directory, 'file/leases'), (text) => logged.push(text)).write(MAC, LEASE);
  assert.match(logged[0] ?? '', /^cannot remember the lease in ".*52:54:00:12:34:56\.json"/);
});
