// Six apps that print newlines as fast as they can, and init's API beside them, with real processes.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { serveInitApi } from '../../src/device/init/api/init-server.ts';
import type { InitApi } from '../../src/device/init/api/routes.ts';
import { answers } from '../../src/device/init/health.ts';
import { Supervisor } from '../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../src/device/sys/linux.ts';
import { service } from '../support/init/init-scenario.ts';

const FLOODS = ['one', 'two', 'three', 'four', 'five', 'six'];
/** A second of a machine that has nothing else to do. */
const TURNS = 10;

test('init answers within a second of its own while six apps flood their logs', async (t) => {
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-floods-'));
  const kernel = linuxSys();
  const supervisor = new Supervisor({
    sys: { ...kernel, path: (path) => (/^\/(?:run|sys)/.test(path) ? join(scratch, path) : path) },
    say: () => {},
    isPermReady: () => true,
    services: FLOODS.map((name) =>
      service(name, { argv: ['/bin/sh', '-c', 'exec yes ""'], dataDir: join(scratch, name) }),
    ),
  });
  const socketPath = join(scratch, 'init.sock');
  const server = await serveInitApi(socketPath, { supervisor } as InitApi);
  t.after(async () => {
    await supervisor.stopAll();
    server.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  const cut = supervisor.list().map(({ log }) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    log.follow(({ stream, text }) => stream === 'init' && text.startsWith('dropped') && resolve());
    return promise;
  });
  await supervisor.startSystemServices();
  await supervisor.startApps();
  await Promise.all(cut);
  for (let count = 0; count < 10; count++) assert.ok(await answers(socketPath, TURNS));
  assert.ok(supervisor.list().every(({ state }) => state === 'running'));
});
