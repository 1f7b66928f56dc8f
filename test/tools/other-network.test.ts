// A radio that goes to another network without an interruption that the kernel tells of: what the network before gave is asked
// for anew, or gone. A cable stands for the radio.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../support/machines/appliance.ts';
import { NetworkLab, SERVER_ADDRESS } from '../support/network/network-lab.ts';

const PROGRAM = new URL('../support/network/one-interface.ts', import.meta.url).pathname;
const OF_BEFORE = 'fd77::5';

test('a network that is another is asked anew, and the addresses of the one before are gone', async (t) => {
  const lab = NetworkLab.create(t);
  if (lab === undefined) return;
  lab.plugIn();
  const server = lab.startServer();
  await server.behave({
    servers: [{ id: SERVER_ADDRESS, address: '10.77.0.50', discover: 'offer', request: 'ack' }],
  });
  lab.onDevice('link', 'set', 'eth0', 'up');
  // The program looks at the link once.
  await lab.poll(
    () => lab.onDevice('link', 'show', 'eth0'),
    (text) => text.includes('state UP'),
  );
  const program = lab.spawnOnDevice(process.execPath, PROGRAM, join(lab.root, 'perm'));
  await lab.line(/^dhcp: bound$/);
  lab.onDevice('addr', 'add', `${OF_BEFORE}/64`, 'dev', 'eth0', 'nodad');
  const before = lab.lines.length;
  program.stdin.write('\n');
  await lab.line(/^in another network$/);
  assert.ok(!lab.onDevice('addr').includes(OF_BEFORE));
  assert.ok(lab.lines.slice(before).includes('dhcp: rebooting'), lab.lines.join('\n'));
  await lab.line(/^dhcp: bound$/, before);
  // The kernel has gone on with an address of its own.
  await eventually('IPv6', async () => /inet6 fe80:/.test(lab.onDevice('addr')));
});
