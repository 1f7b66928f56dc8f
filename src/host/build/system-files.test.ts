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

/** Where /etc/localtime leads to. */
function localtimeOf(zone: string | undefined): string | undefined {
  const tree = new RootTree();
  for (const name of ['Europe/Berlin', 'Asia/Tokyo']) {
    tree.add({
      kind: 'file',
      path: `/usr/share/zoneinfo/${name}`,
      mode: 0o644,
      layer: 'system',
      origin: 'component tzdata',
      content: { kind: 'bytes', bytes: new Uint8Array() },
    });
  }
  const time = zone === undefined ? {} : { zone };
  addSystemFiles(tree, { hostname: 'garden', services: [], time } as unknown as DeviceConfig);
  const entry = tree.entries().find(({ path }) => path === '/etc/localtime');
  return entry?.kind === 'symlink' ? entry.target : undefined;
}

test('addSystemFiles: the time zone is a link to its file, which has to be there', () => {
  assert.equal(localtimeOf(undefined), undefined);
  assert.equal(localtimeOf('Europe/Berlin'), '/usr/share/zoneinfo/Europe/Berlin');
  assert.throws(() => localtimeOf('Europe/BERLIN'), {
    name: 'UserError',
    message: 'Cannot set the time zone "Europe/BERLIN": component tzdata has no such zone',
    hint: 'Write "Europe/Berlin" or another name of the zone in time.zone, or run "tsk get -u".',
  });
});
