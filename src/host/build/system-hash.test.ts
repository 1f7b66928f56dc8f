import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kernelArgsOf } from '../../shared/board/cmdline.ts';
import type { DeviceConfig, ServiceSpec } from '../../shared/services/services.ts';
import type { Layer, RootEntry } from '../root-tree.ts';
import { RootTree } from '../root-tree.ts';
import { type SystemParts, systemHash } from './system-hash.ts';
import { addDeviceConfig, addSystemFiles } from './system-files.ts';

const kernelArgs = kernelArgsOf({ consoles: ['tty0'], extraArgs: [] });

function service(name: string, kind: ServiceSpec['kind']): ServiceSpec {
  return {
    name,
    kind,
    argv: ['/bin/node', `/x/${name}`],
    env: {},
    dataDir: `/perm/${name}`,
    restart: 'always',
    autostart: true,
    stopTimeoutSec: 5,
  };
}

const sensor: ServiceSpec = { ...service('sensor', 'node'), user: { name: 'sensor', uid: 70_001 } };

const config: DeviceConfig = {
  formatVersion: 1,
  hostname: 'garden',
  board: 'pc-amd64',
  buildId: '1'.repeat(64),
  buildTimeSec: 1,
  tskrazyVersion: '0.1.0',
  components: { node: '26.10.0' },
  update: { trustedKeys: [{ id: 'one', publicKey: 'one' }] },
  network: {},
  time: {},
  web: { port: 80, passwordHash: 'hash' },
  services: [service('net', 'system'), service('web', 'system'), sensor],
};

function file(path: string, layer: Layer, text: string): RootEntry {
  const content = { kind: 'bytes', bytes: Buffer.from(text) } as const;
  return { kind: 'file', path, layer, mode: 0o555, origin: 'test', content };
}

/** As a build puts them together, of an image with `config`. */
function partsOf(
  changes: Partial<DeviceConfig> = {},
  entries: readonly RootEntry[] = [],
  others: Partial<SystemParts> = {},
): SystemParts {
  const device = { ...config, ...changes };
  const tree = new RootTree();
  const present = new Set(entries.map(({ path }) => path));
  const usual = [
    file('/bin/node', 'runtime', 'node'),
    file('/tsk/web.cjs', 'system', 'web'),
    file('/app/sensor/main.js', 'app:sensor', 'code'),
  ];
  for (const entry of [...usual.filter(({ path }) => !present.has(path)), ...entries]) tree.add(entry);
  addSystemFiles(tree, device);
  addDeviceConfig(tree, device);
  const bootFiles = [{ path: 'vmlinuz', sha256: 'kernel' }];
  return { entries: tree.entries(), config: device, kernelArgs, bootFiles, ...others };
}

const sameHash = async (parts: SystemParts): Promise<boolean> =>
  (await systemHash(parts)) === (await systemHash(partsOf()));

test('systemHash: does not care for apps, their users, and which build it is', async () => {
  const same = [
    partsOf({}, [file('/app/sensor/main.js', 'app:sensor', 'other code')]),
    partsOf({}, [file('/etc/sensor.conf', 'app:sensor', 'included')]),
    partsOf({ services: [...config.services.slice(0, 2), { ...sensor, env: { X: '1' } }] }),
    partsOf({ services: [...config.services.slice(0, 2), { ...sensor, dataDir: '/perm/elsewhere' }] }),
    partsOf({
      services: [...config.services, { ...sensor, name: 'new', user: { name: 'new', uid: 70_002 } }],
    }),
    partsOf({ services: config.services.slice(0, 2) }),
    partsOf({ buildId: '2'.repeat(64), buildTimeSec: 2 }),
    { ...partsOf(), entries: partsOf().entries.toReversed() },
  ];
  for (const [index, parts] of same.entries()) assert.ok(await sameHash(parts), `case ${index}`);
});

test('systemHash: is another for everything that only a restart can change', async () => {
  const net = { ...service('net', 'system'), argv: ['/bin/node', '--other'] };
  const others = [
    partsOf({}, [file('/bin/node', 'runtime', 'another node')]),
    partsOf({}, [file('/tsk/web.cjs', 'system', 'another web')]),
    partsOf({}, [file('/tsk/more.cjs', 'system', 'more')]),
    partsOf({ components: { node: '26.11.0' } }),
    partsOf({ tskrazyVersion: '0.2.0' }),
    partsOf({ hostname: 'yard' }),
    partsOf({ web: { port: 8080, passwordHash: 'hash' } }),
    partsOf({ web: { port: 80, passwordHash: 'another' } }),
    partsOf({ update: { trustedKeys: [] } }),
    partsOf({ update: { trustedKeys: [{ id: 'one', publicKey: 'one', notAfterSec: 1 }] } }),
    partsOf({ network: { eth0: { ipv4: 'off' } } }),
    partsOf({ time: { servers: [] } }),
    partsOf({ services: [net, ...config.services.slice(1)] }),
    partsOf({}, [], { kernelArgs: [...kernelArgs, 'quiet'] }),
    partsOf({}, [], { bootFiles: [{ path: 'vmlinuz', sha256: 'another' }] }),
  ];
  const hashes = await Promise.all([partsOf(), ...others].map(systemHash));
  assert.equal(new Set(hashes).size, hashes.length);
});
