// tsk in a network where somebody answers to the device's name before the device does: the real command line, in network
// namespaces.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { ensureIdentity } from '../../src/host/config/identity/device-identity.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { TSK } from '../support/tsk-program.ts';
import { NetworkLab } from '../support/network/network-lab.ts';
import { TEST_PASSWORD } from '../support/web/web-device.ts';

const SPOOFED = new URL('../support/network/spoofed-name.ts', import.meta.url).pathname;
const SPOOFER = '10.77.0.66';
const DEVICE = '10.77.0.5';

test('tsk passes over whoever took the name first, sends him nothing, and names him when he is alone', async (t) => {
  const lab = NetworkLab.create(t);
  if (lab === undefined) return;
  const directory = mkdtempSync(join(tmpdir(), 'tsk-spoofed-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, 'tskrazy.json'), '{ "hostname": "garden", "board": "pc-amd64" }');
  const instance = await openInstance(directory);
  writeFileSync(join(instance.stateDirectory, 'password'), TEST_PASSWORD);
  await ensureIdentity(instance, { notice: () => undefined });
  lab.plugIn();
  lab.onDevice('link', 'set', 'lo', 'up');
  lab.onDevice('link', 'set', 'eth0', 'up');
  for (const address of [DEVICE, SPOOFER]) lab.onDevice('addr', 'add', `${address}/24`, 'dev', 'eth0');
  const identityPath = join(instance.stateDirectory, 'identity.pem');
  const network = lab.spawnOnDevice(process.execPath, SPOOFED, SPOOFER, DEVICE, identityPath);
  await lab.line(/^ready$/);

  const run = async (...args: string[]): Promise<string> => {
    const child = lab.spawnOnServer(process.execPath, TSK, '-i', directory, ...args);
    const said = Promise.all([text(child.stdout), text(child.stderr)]);
    await once(child, 'exit');
    return (await said).join('');
  };
  const status = JSON.parse(await run('status', '--json')) as { url: string; system: { hostname: string } };
  assert.deepEqual([status.url, status.system.hostname], [`https://${DEVICE}/`, 'garden']);
  assert.match(
    await run('ps', '--host', SPOOFER),
    /Cannot talk to "10\.77\.0\.66": it has the certificate of somebody else \(SHA-256 /,
  );
  await lab.stop(network);
  assert.deepEqual(
    lab.lines.filter((line) => line.startsWith('heard')),
    [],
  );
});
