// The identity of an instance: made once, renewed when it has to be, and good for its own names only.

import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { type Instance, openInstance } from '../instance.ts';
import { makeDeviceCertificate } from './certificate.ts';
import {
  type DeviceIdentity,
  ensureIdentity,
  parseIdentity,
  readIdentity,
  retireIdentity,
  rotateIdentity,
} from './device-identity.ts';

const root = mkdtempSync(join(tmpdir(), 'tsk-identity-'));
after(() => rmSync(root, { recursive: true, force: true }));
const DAY_MS = 86_400_000;

async function makeInstance(config: object = {}): Promise<Instance> {
  const directory = mkdtempSync(join(root, 'garden-'));
  return changeConfig(directory, config);
}

async function changeConfig(directory: string, config: object): Promise<Instance> {
  const whole = { hostname: 'garden', board: 'pc-amd64', ...config };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(whole));
  return openInstance(directory);
}

/** The notices that came with it, too. */
async function ensure(instance: Instance, nowMs?: number): Promise<[DeviceIdentity, string[]]> {
  const notices: string[] = [];
  const notice = (text: string): number => notices.push(text);
  return [await ensureIdentity(instance, { notice, ...(nowMs === undefined ? {} : { nowMs }) }), notices];
}

/** What a client says that trusts the authority and asks for `servername`. */
async function connect(
  served: { certificate: string; privateKey: string },
  authority: string,
  servername: string,
): Promise<string> {
  const server = tls.createServer({ cert: served.certificate, key: served.privateKey });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = tls.connect({ host: '127.0.0.1', port, servername, ca: authority });
  try {
    await once(socket, 'secureConnect');
    return socket.getProtocol() ?? '';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'UNSPECIFIED' ? message : String(code);
  } finally {
    socket.destroy();
    server.close();
  }
}

test('is made once, for its owner alone, with all names of the device', async () => {
  const instance = await makeInstance({
    network: { eth0: { ipv4: 'static', address: '203.0.113.9/24' } },
  });
  const [first, notices] = await ensure(instance);
  assert.deepEqual((await ensure(instance))[0], first);
  assert.deepEqual(notices, []);
  for (const name of ['identity.pem', 'identity-ca.pem'])
    assert.equal(statSync(join(instance.stateDirectory, name)).mode & 0o777, 0o600, name);
  const certificate = new X509Certificate(first.device.certificate);
  for (const name of ['garden', 'garden.local', 'localhost']) assert.equal(certificate.checkHost(name), name);
  for (const address of ['127.0.0.1', '::1', '203.0.113.9'])
    assert.equal(certificate.checkIP(address), address);
  assert.equal(certificate.ca, false);
  const validDays = (Date.parse(certificate.validTo) - Date.parse(certificate.validFrom)) / DAY_MS;
  assert.ok(validDays <= 825, 'Apple takes no more');
});

test('two first builds at once agree on one', async () => {
  const instance = await makeInstance();
  const made = await Promise.all(Array.from({ length: 4 }, () => ensure(instance)));
  for (const [identity] of made) assert.deepEqual(identity, made[0]![0]);
});

test('a TLS client that trusts the authority takes the device, by its names only', async () => {
  const [{ device, authority }] = await ensure(await makeInstance());
  assert.equal(await connect(device, authority.certificate, 'garden.local'), 'TLSv1.3');
  assert.equal(await connect(device, authority.certificate, 'shed.local'), 'ERR_TLS_CERT_ALTNAME_INVALID');
});

test('the authority cannot vouch for another site, whoever has its key', async () => {
  const [{ authority }] = await ensure(await makeInstance());
  const signer = { ...authority, privateKey: createPrivateKey(authority.privateKey) };
  const names = { hostname: 'bank.example', dns: ['bank.example'], addresses: [] };
  const stolen = makeDeviceCertificate(names, signer, Date.now());
  assert.equal(await connect(stolen, authority.certificate, 'bank.example'), 'permitted subtree violation');
  const address = { hostname: 'x', dns: [], addresses: ['198.51.100.1'] };
  const other = makeDeviceCertificate(address, signer, Date.now());
  assert.equal(await connect(other, authority.certificate, 'x'), 'permitted subtree violation');
});

test('the certificate is renewed when a name comes or goes, or its end is near, by the same authority', async () => {
  const instance = await makeInstance();
  const [first] = await ensure(instance);
  const named = await changeConfig(instance.directory, {
    network: { eth0: { ipv4: 'static', address: '192.168.1.5/24' } },
  });
  const [second, notices] = await ensure(named);
  assert.deepEqual([second.authority, notices], [first.authority, []]);
  assert.equal(new X509Certificate(second.device.certificate).checkIP('192.168.1.5'), '192.168.1.5');
  const [third] = await ensure(await changeConfig(instance.directory, {}));
  assert.equal(new X509Certificate(third.device.certificate).checkIP('192.168.1.5'), undefined);
  const nowMs = Date.now();
  assert.equal(
    (await ensure(instance, nowMs + 400 * DAY_MS))[0].device.certificate,
    third.device.certificate,
  );
  const [fourth] = await ensure(instance, nowMs + 410 * DAY_MS);
  assert.notEqual(fourth.device.certificate, third.device.certificate);
  assert.deepEqual([fourth.authority, fourth.previous], [first.authority, []]);
});

test('another hostname takes another authority, as the old one may not vouch for it; the old one is still known', async () => {
  const instance = await makeInstance();
  const [first] = await ensure(instance);
  const [second, notices] = await ensure(await changeConfig(instance.directory, { hostname: 'shed' }));
  assert.match(notices.join('\n'), /"tsk key ca"/);
  assert.deepEqual(second.previous, [first.authority.certificate]);
  assert.equal(await connect(second.device, second.authority.certificate, 'shed.local'), 'TLSv1.3');
});

test('after a rotation devices of the authority before are known until it is retired', async () => {
  const instance = await makeInstance();
  const [first] = await ensure(instance);
  const second = await rotateIdentity(instance);
  assert.deepEqual(second.previous, [first.authority.certificate]);
  assert.notEqual(second.authority.certificate, first.authority.certificate);
  assert.deepEqual(await ensure(instance), [second, []]);
  await retireIdentity(instance);
  assert.deepEqual((await readIdentity(instance))?.previous, []);
});

test('a file that is cut off, or whose key is another one, is refused by its path', async () => {
  const instance = await makeInstance();
  const [{ device, authority }] = await ensure(instance);
  const path = join(instance.stateDirectory, 'identity.pem');
  const text = readFileSync(path, 'utf8');
  for (const damaged of ['', text.slice(0, 300), `${authority.privateKey}\n${device.certificate}`]) {
    writeFileSync(path, damaged);
    await assert.rejects(ensure(instance), /^UserError: Cannot use the identity in ".*identity\.pem"/);
  }
  assert.throws(() => parseIdentity(text.replace(/BEGIN PRIVATE/, 'BEGIN'), 'TSK_KEY'), /in "TSK_KEY"/);
});
