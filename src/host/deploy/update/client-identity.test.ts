import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readClientIdentity } from './client-identity.ts';

const directory = mkdtempSync(join(tmpdir(), 'tsk-client-identity-'));
after(() => rmSync(directory, { recursive: true }));

test('readClientIdentity: the same client again, and another one for each spelling of the device', async () => {
  const hosts = [undefined, undefined, 'garden', 'garden', 'garden:8080', '[fe80::1%eth0]'];
  const clients = [];
  for (const host of hosts) clients.push(await readClientIdentity(directory, host));
  const ids = clients.map(({ id }) => id);
  assert.equal(ids[0], ids[1]);
  assert.equal(ids[2], ids[3]);
  assert.equal(new Set(ids).size, 4);
  // As the protocol wants them.
  for (const { id, name } of clients) {
    assert.match(id, /^[\w.-]{1,128}$/);
    assert.match(name, /^.+@.+$/);
  }
});
