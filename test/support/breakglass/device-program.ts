// The device's side of break-glass without a machine: the real session of init and the real web server, with real mounts, a
// real cgroup and a real sshd, in a mount namespace whose root is a copy-on-write view of this computer's. Started by
// session-device.ts, which reads one JSON value a line.

import { mkdirSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { DeviceConfig } from '../../../src/shared/services/services.ts';
import { INIT_SOCKET_PATH } from '../../../src/shared/services/services.ts';
import { serveInitApi } from '../../../src/device/init/api/init-server.ts';
import { Breakglass } from '../../../src/device/init/breakglass/breakglass.ts';
import { LogRing } from '../../../src/device/init/log/log-ring.ts';
import { keepReapingOrphans } from '../../../src/device/init/supervisor/reap-orphans.ts';
import { Supervisor } from '../../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../../src/device/sys/linux.ts';
import { createWebServer, listen } from '../../../src/device/web/server.ts';
import { exampleSystem, exampleUpdateState, FakeMeter } from '../web/fake-device.ts';

const config = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as DeviceConfig;
const sys = linuxSys();
const tell = (value: object): void => void process.stdout.write(`${JSON.stringify(value)}\n`);
const initLog = new LogRing();
const say = (text: string): void => {
  initLog.append('stdout', text);
  tell({ said: text });
};

const supervisor = new Supervisor({ sys, services: config.services, say, isPermReady: () => true });
keepReapingOrphans(sys);
const breakglass = new Breakglass({ sys, supervisor, perm: { state: 'mounted' }, log: { say }, warn: say });

await supervisor.startSystemServices();
await supervisor.startApps();
mkdirSync('/run/tsk', { recursive: true });
await serveInitApi(INIT_SOCKET_PATH, {
  systemStatus: () => {
    const session = breakglass.session();
    return {
      ...exampleSystem(),
      hostname: config.hostname,
      board: config.board,
      ...(session && { breakglass: session }),
    };
  },
  supervisor,
  initLog,
  kernelLog: { last: () => [], follow: () => () => {} },
  logKeeper: {
    lines: () => Promise.resolve(undefined),
    boots: () => Promise.resolve([]),
    flush: () => Promise.resolve(),
  },
  bootRecord: () => ({ id: 'this', buildId: 'b', slot: 'a', bootedAtMs: 0, end: null }),
  updates: () =>
    Promise.resolve({
      state: exampleUpdateState,
      startTrial: () => Promise.reject(new Error('none')),
      takeChecks: () => {},
      confirm: () => Promise.reject(new Error('none')),
      rollBack: () => {},
    }),
  breakglass: () => Promise.resolve(breakglass),
  inspectors: () => Promise.reject(new Error('Nobody debugs here')),
  wifi: () => Promise.reject(new Error('No Wi-Fi here')),
  isShuttingDown: () => false,
  shutDown: () => {},
});
const web = createWebServer({
  config,
  initSocketPath: INIT_SOCKET_PATH,
  assets: new Map(),
  meter: new FakeMeter(),
  hardware: { read: () => Promise.resolve([]) } as never,
});
tell({ port: await listen(web.http, 0) });

// What init does by itself; a line is what it says of it.
for await (const line of createInterface({ input: process.stdin })) await breakglass.end(line);
await Promise.all(supervisor.list().map((service) => service.retire()));
process.exit(0);
