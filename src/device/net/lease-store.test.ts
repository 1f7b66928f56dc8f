import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { Lease } from './dhcp/lease.ts';
import { LeaseStore } from './lease-store.ts';

const MAC = '52:54:00:12:34:56';
const LEASE = { address: '10.0.2.15', prefixLength: 24, server: '10.0.2.2' } as Lease;

/** A path that looks like a mount point: what it leads to is on another file system than its parent, wherever TMPDIR is. */
function mountPoint(t: TestContext): string {
  const parent = mkdtempSync('/tmp/tsk-leases-');
  const target = mkdtempSync('/dev/shm/tsk-leases-');
  symlinkSync(target, join(parent, 'perm'));
  t.after(() => [parent, target].forEach((path) => rmSync(path, { recursive: true, force: true })));
  return join(parent, 'perm');
}

test('LeaseStore gives back the address of each card and forgets on demand', (t) => {
  const logged: string[] = [];
  const perm = mountPoint(t);
  const store = new LeaseStore(perm, (text) => logged.push(text));
  assert.equal(store.readAddress(MAC), null);
  store.write(MAC, LEASE);
  assert.equal(store.readAddress(MAC), '10.0.2.15');
  assert.equal(new LeaseStore(perm, () => {}).readAddress(MAC), '10.0.2.15');
  assert.equal(store.readAddress('52:54:00:00:00:00'), null);
  store.write(MAC, null);
  store.write(MAC, null);
  assert.equal(store.readAddress(MAC), null);
  assert.deepEqual(logged, []);
});

test('LeaseStore keeps a lease in memory until the data partition is mounted', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const perm = mountPoint(t);
  const directory = join(perm, '..');
  rmSync(perm);
  mkdirSync(perm);
  const store = new LeaseStore(perm, assert.fail);
  store.write(MAC, LEASE);
  t.mock.timers.tick(5000);
  assert.ok(!existsSync(join(perm, 'net')));
  assert.equal(store.readAddress(MAC), '10.0.2.15');
  rmSync(perm, { recursive: true });
  const target = mkdtempSync('/dev/shm/tsk-leases-');
  t.after(() => rmSync(target, { recursive: true }));
  symlinkSync(target, join(directory, 'perm'));
  t.mock.timers.tick(5000);
  assert.equal(new LeaseStore(perm, () => {}).readAddress(MAC), '10.0.2.15');
});

test('LeaseStore takes a damaged file for none and survives a disk that cannot be written', (t) => {
  const perm = mountPoint(t);
  mkdirSync(join(perm, 'net/leases'), { recursive: true });
  for (const text of ['', '{', '{"address":7}', '{"address":"10.0.2.999"}', 'null']) {
    writeFileSync(join(perm, `net/leases/${MAC}.json`), text);
    assert.equal(new LeaseStore(perm, () => {}).readAddress(MAC), null, text);
  }
  const logged: string[] = [];
  rmSync(join(perm, 'net'), { recursive: true });
  writeFileSync(join(perm, 'net'), '');
  new LeaseStore(perm, (text) => logged.push(text)).write(MAC, LEASE);
  assert.match(logged[0] ?? '', /^cannot remember the lease in ".*52:54:00:12:34:56\.json"/);
});
