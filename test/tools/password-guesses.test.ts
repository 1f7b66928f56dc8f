// Guesses of the password over a real network: an app on the device takes whatever address it can send from, and a person
// on the other end of the cable logs in meanwhile.

import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';

import { NetworkLab } from '../support/network/network-lab.ts';

const urlOf = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

const SERVER = `
  import { createWebServer, listen } from ${urlOf('../../src/device/web/server.ts')};
  import { hashPassword } from ${urlOf('../../src/shared/api/password.ts')};
  const config = { hostname: 'garden', services: [], web: { port: 80, passwordHash: hashPassword('right') } };
  const server = createWebServer({ config, initSocketPath: '/nowhere', assets: new Map() });
  await listen(server.http, 80);
  console.log('listening');
`;

/** Prints the statuses of requests: URL, header Authorization's password or null, header Host or null, whence. */
function asking(
  requests: readonly [url: string, password: string | null, host?: string, from?: string][],
): string {
  return `
    import { ask, basic } from ${urlOf('../support/web/http-ask.ts')};
    const statuses = [];
    for (const [url, password, Host, localAddress] of ${JSON.stringify(requests)}) {
      const path = password === null ? '/health' : '/api/v1/sessions';
      const headers = { ...(password !== null && basic(password)), ...(Host && { Host }) };
      const method = password === null ? 'GET' : 'POST';
      statuses.push((await ask(url, path, { method, headers, ...(localAddress && { localAddress }) })).status);
    }
    console.log(JSON.stringify(statuses));
  `;
}

function spawnScript(lab: NetworkLab, where: 'device' | 'server', script: string) {
  const args = ['--input-type=module', '--eval', script] as const;
  return where === 'device'
    ? lab.spawnOnDevice(process.execPath, ...args)
    : lab.spawnOnServer(process.execPath, ...args);
}

async function statusesOf(
  lab: NetworkLab,
  where: 'device' | 'server',
  requests: Parameters<typeof asking>[0],
): Promise<number[]> {
  const { stdout } = spawnScript(lab, where, asking(requests));
  for await (const line of createInterface({ input: stdout })) return JSON.parse(line) as number[];
  throw new Error(`Nothing was printed:\n${lab.lines.join('\n')}`);
}

async function startLab(t: TestContext): Promise<NetworkLab | undefined> {
  const lab = NetworkLab.create(t);
  if (lab === undefined) return undefined;
  lab.plugIn();
  lab.onDevice('link', 'set', 'lo', 'up');
  lab.onDevice('link', 'set', 'eth0', 'up');
  lab.onDevice('addr', 'add', '10.77.0.9/24', 'dev', 'eth0');
  lab.onDevice('addr', 'add', 'fd77::9/64', 'dev', 'eth0', 'nodad');
  spawnScript(lab, 'device', SERVER);
  await lab.line(/^listening$/);
  return lab;
}

test('an app has few guesses, from whatever address, and keeps nobody else out', async (t) => {
  const lab = await startLab(t);
  if (lab === undefined) return;
  const guesses = await statusesOf(lab, 'device', [
    ...Array.from({ length: 40 }, (_, index): [string, string, string, string] => [
      'http://127.0.0.1',
      'guess',
      'garden',
      `127.${index}.0.1`,
    ]),
    ['http://10.77.0.9', 'guess', 'garden', '10.77.0.9'],
    ['http://[fd77::9]', 'guess', 'garden', 'fd77::9'],
    ['http://[::1]', 'guess', 'garden'],
  ]);
  const tried = guesses.filter((status) => status === 401).length;
  // Five, and one more after each wait: 12 would take two minutes.
  assert.ok(tried >= 5 && tried < 12, `${tried} guesses`);
  assert.equal(guesses.filter((status) => status === 429).length, guesses.length - tried);
  assert.deepEqual(await statusesOf(lab, 'server', [['http://10.77.0.9', 'right']]), [201]);
});

test('Host may be any address of the device, also another one than that of the connection', async (t) => {
  const lab = await startLab(t);
  if (lab === undefined) return;
  const statuses = await statusesOf(lab, 'server', [
    ['http://10.77.0.9', null],
    ['http://10.77.0.9', null, '[fd77::9]:80'],
    ['http://10.77.0.9', null, '10.77.0.1'],
    ['http://10.77.0.9', null, '[fd77::1]'],
  ]);
  assert.deepEqual(statuses, [200, 200, 421, 421]);
});
