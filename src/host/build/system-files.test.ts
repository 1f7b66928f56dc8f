import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeviceConfig, ServiceSpec } from '../../shared/services/services.ts';
import { RootTree } from '../root-tree.ts';
import { addSystemFiles } from './system-files.ts';

function textOf(config: Partial<DeviceConfig>, path: string): string {
  const tree = new RootTree();
  addSystemFiles(tree, { hostname: 'garden', services: [], ...config } as unknown as DeviceConfig);
  const entry = tree.entries().find((candidate) => candidate.path === path);
  assert.ok(entry?.kind === 'file' && entry.content.kind === 'bytes');
  return new TextDecoder().decode(entry.content.bytes);
}

test('addSystemFiles names the users of apps, between root and nobody', () => {
  const services = [
    { name: 'net', dataDir: '/perm/net' },
    { name: 'sensor', dataDir: '/perm/sensor', user: { name: 'sensor', uid: 300_000_000 } },
    { name: 'odd', dataDir: '/perm/a:b', user: { name: 'odd', uid: 300_000_001 } },
  ] as ServiceSpec[];
  assert.deepEqual(textOf({ services }, '/etc/passwd').split('\n'), [
    'root:x:0:0:root:/perm:/nonexistent',
    'sensor:x:300000000:300000000::/perm/sensor:/nonexistent',
    'odd:x:300000001:300000001::/:/nonexistent',
    'nobody:x:65534:65534:nobody:/nonexistent:/nonexistent',
    '',
  ]);
  assert.match(textOf({ services }, '/etc/group'), /^sensor:x:300000000:$/m);
});
