// tsk's query for a device meets the device's net service, in network namespaces.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { NetworkLab } from '../support/network/network-lab.ts';

const FIND = new URL('../support/network/find-by-mdns.ts', import.meta.url).pathname;
const TIME_LIMIT_MS = 60_000;

test('a device is found by its hostname by a computer without a resolver for .local', async (t) => {
  const lab = NetworkLab.create(t);
  if (lab === undefined) return;
  lab.plugIn();
  lab.startNet({ eth0: { ipv4: 'static', address: '10.77.0.5/24' } });
  const child = lab.spawnOnServer(process.execPath, FIND, 'garden.local');
  const limit = AbortSignal.timeout(TIME_LIMIT_MS);
  const [line] = (await once(createInterface({ input: child.stdout }), 'line', { signal: limit })) as [
    string,
  ];
  // Its IPv6 address may still be in duplicate address detection when it answers.
  assert.equal((JSON.parse(line) as string[])[0], '10.77.0.5');
});
