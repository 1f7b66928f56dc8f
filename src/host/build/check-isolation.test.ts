import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appConfig } from '../../../test/support/builds/app-builds.ts';
import { BOARDS } from '../../shared/board/boards.ts';
import type { AppConfig } from '../config/app-config.ts';
import { resolveConfig } from '../config/instance-config.ts';
import { checkIsolation } from './check-isolation.ts';

function check(board: keyof typeof BOARDS, ...apps: AppConfig[]): void {
  checkIsolation({ ...resolveConfig({ hostname: 'x', board }, '/'), apps }, BOARDS[board]);
}

const limited = appConfig({ limits: { maxProcesses: 512, memoryBytes: 2 ** 26 } });

test('checkIsolation refuses a memory limit where the kernel has none to offer', () => {
  check('pc-arm64', limited);
  check('raspberry-pi', limited);
  assert.throws(() => check('pc-amd64', limited), {
    message: 'Cannot limit the memory of app "app": the kernel of board "pc-amd64" has no memory controller',
    hint: 'Remove "memory", or use a kernel with CONFIG_MEMCG=y ("components": { "kernel": ... }).',
  });
});

test('checkIsolation trusts a kernel of the user’s own', () => {
  const config = resolveConfig(
    { hostname: 'x', board: 'pc-amd64', components: { kernel: { goModule: 'example.org/kernel' } } },
    '/',
  );
  checkIsolation({ ...config, apps: [limited] }, BOARDS['pc-amd64']);
});

test('checkIsolation refuses data directories that two users would share', () => {
  const app = appConfig({ name: 'a' });
  for (const dataDir of ['/perm/a', '/perm/a/inner']) {
    assert.throws(() => check('pc-amd64', app, appConfig({ name: 'b', dataDir })), {
      message: 'Cannot build app "b": its data directory and that of app "a" are not apart',
    });
  }
  check('pc-amd64', app, appConfig({ name: 'b', dataDir: '/perm/ab' }));
  const root = appConfig({ name: 'b', dataDir: '/perm/a', user: 'root' });
  assert.throws(() => check('pc-amd64', app, root));
  check('pc-amd64', root, appConfig({ name: 'c', dataDir: '/perm/a', user: 'root' }));
});

function sharing(path: string, mode: 'ro' | 'rw'): AppConfig {
  return appConfig({ name: 'b', sandbox: { devices: [], paths: { [path]: mode }, capabilities: [] } });
}

test('checkIsolation refuses a data directory where another app could put a link in its place', () => {
  const app = appConfig({ name: 'a', dataDir: '/perm/shared/a' });
  for (const apps of [
    [app, sharing('/perm/shared', 'rw')],
    [sharing('/perm/shared', 'rw'), app],
  ]) {
    assert.throws(() => check('pc-amd64', ...apps), {
      message:
        'Cannot build app "a": its data directory "/perm/shared/a" lies in "/perm/shared", where app "b" may write',
    });
  }
  check('pc-amd64', app, sharing('/perm/shared', 'ro'));
  check('pc-amd64', app, sharing('/perm/shared/a', 'rw'));
  check('pc-amd64', app, sharing('/perm', 'rw'));
  check('pc-amd64', app, sharing('/perm/share', 'rw'));
});
