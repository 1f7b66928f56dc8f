// A device whose apps are real processes on this computer: init's supervisor and API, and the web server, as they are, in
// one process; and an instance for tsk that has the key the device trusts.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { AppInspectors } from '../../../src/device/init/debug/app-inspectors.ts';
import { serveInitApi } from '../../../src/device/init/api/init-server.ts';
import { LogRing } from '../../../src/device/init/log/log-ring.ts';
import { Supervisor } from '../../../src/device/init/supervisor/supervisor.ts';
import { linuxSys } from '../../../src/device/sys/linux.ts';
import type { Sys } from '../../../src/device/sys/sys.ts';
import {
  createWebServer,
  listen,
  type WebServer,
  type WebServerOptions,
} from '../../../src/device/web/server.ts';
import { ensureUpdateKeys, type UpdateKeys } from '../../../src/host/config/update-keys.ts';
import type { DeviceConfig, ServiceSpec } from '../../../src/shared/services/services.ts';
import { hashPassword } from '../../../src/shared/api/password.ts';
import { CommandLine } from '../cli/command-line.ts';
import {
  exampleConfig,
  exampleHardware,
  exampleSystem,
  exampleUpdateState,
  FakeMeter,
} from '../web/fake-device.ts';

const PASSWORD = 'demo';

export interface DebuggedDeviceOptions {
  /** Source of each Node.js app. */
  apps: Readonly<Record<string, string>>;
  /** Arguments of each, behind its file. */
  args?: Readonly<Record<string, readonly string[]>>;
  /** What each is started with: words before those of Node.js. */
  command?: Readonly<Record<string, readonly string[]>>;
  specs?: Readonly<Record<string, Partial<ServiceSpec>>>;
  config?: Partial<DeviceConfig>;
  openLimitMs?: number;
  lifetimeMs?: number;
  limits?: WebServerOptions['limits'];
  /** Descriptor of a socket for web that listens. Default: one of this computer's. */
  listenWith?: () => number;
}

export class DebuggedDevice {
  readonly directory: string;
  readonly supervisor: Supervisor;
  readonly sys: Sys;
  readonly keys: UpdateKeys;
  /** What init was told to keep other apps from. */
  readonly guarded: (readonly [app: string, port: number])[][] = [];
  /** Of init. */
  readonly socketPath: string;
  readonly #config: DeviceConfig;
  readonly #options: DebuggedDeviceOptions;
  web: WebServer | undefined;
  port = 0;

  private constructor(directory: string, keys: UpdateKeys, options: DebuggedDeviceOptions) {
    const { apps, args = {}, command = {}, specs = {}, config } = options;
    this.#options = options;
    this.directory = directory;
    this.keys = keys;
    this.sys = {
      ...linuxSys(),
      path: (path) => (/^\/(?:run|perm)\//.test(path) ? join(directory, path) : path),
    };
    this.socketPath = join(directory, 'run', 'init.sock');
    this.#config = {
      ...exampleConfig(hashPassword(PASSWORD)),
      update: { trustedKeys: [{ id: keys.current.id, publicKey: keys.current.publicKey }] },
      ...config,
    };
    this.supervisor = new Supervisor({
      sys: this.sys,
      say: () => {},
      isPermReady: () => true,
      services: Object.entries(apps).map(([name, source]) => {
        const file = join(directory, `${name}.cjs`);
        writeFileSync(file, source);
        return {
          name,
          kind: 'node',
          argv: [...(command[name] ?? []), process.execPath, file, ...(args[name] ?? [])],
          env: {},
          dataDir: join(directory, 'data', name),
          restart: 'never',
          autostart: true,
          stopTimeoutSec: 5,
          ...specs[name],
        } satisfies ServiceSpec;
      }),
    });
  }

  static async start(t: TestContext, options: DebuggedDeviceOptions): Promise<DebuggedDevice> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-debug-'));
    const stateDirectory = join(directory, '.tskrazy');
    mkdirSync(stateDirectory);
    const device = new DebuggedDevice(directory, await ensureUpdateKeys({ stateDirectory }), options);
    t.after(async () => {
      await device.web?.close();
      await device.supervisor.stopAll();
      rmSync(directory, { recursive: true, force: true });
    });
    writeFileSync(join(stateDirectory, 'password'), `${PASSWORD}\n`);
    const named = Object.keys(options.apps).map((name) => [name, { node: `./${name}.cjs` }]);
    writeFileSync(
      join(directory, 'tskrazy.json'),
      JSON.stringify({
        hostname: 'garden',
        board: 'pc-amd64',
        apps: Object.fromEntries(named) as object,
        web: { tls: 'off' },
      }),
    );
    await device.#serve();
    await device.startWeb();
    await device.supervisor.startSystemServices();
    await Promise.all(device.supervisor.list().map((service) => service.start('boot')));
    return device;
  }

  async #serve(): Promise<void> {
    const { openLimitMs, lifetimeMs } = this.#options;
    const inspectors = new AppInspectors({
      sys: this.sys,
      findService: (name) => this.supervisor.get(name),
      guard: (ports) => void this.guarded.push([...ports]),
      ...(openLimitMs === undefined ? {} : { openLimitMs }),
      ...(lifetimeMs === undefined ? {} : { lifetimeMs }),
    });
    await serveInitApi(this.socketPath, {
      systemStatus: exampleSystem,
      supervisor: this.supervisor,
      initLog: new LogRing(),
      kernelLog: new LogRing(),
      logKeeper: { lines: async () => undefined, boots: async () => [], flush: async () => {} },
      bootRecord: () => ({ id: 'this', buildId: 'b1', slot: 'a', bootedAtMs: 1, end: null }),
      updates: async () => ({
        state: exampleUpdateState,
        startTrial: async () => () => {},
        takeChecks: () => {},
        confirm: async () => {},
        rollBack: () => {},
      }),
      inspectors: async () => inspectors,
      breakglass: () => Promise.reject(new Error('Nobody looks in here')),
      wifi: () => Promise.reject(new Error('No Wi-Fi here')),
      isShuttingDown: () => false,
      shutDown: () => {},
    });
  }

  /** Anew when there was one. */
  async startWeb(): Promise<void> {
    const { limits, listenWith } = this.#options;
    this.web = createWebServer({
      config: this.#config,
      initSocketPath: this.socketPath,
      assets: new Map(),
      meter: new FakeMeter(),
      hardware: exampleHardware(),
      reportsPath: this.sys.path('/perm/log/reports'),
      ...(limits === undefined ? {} : { limits }),
    });
    this.port = await listen(this.web.http, this.port, listenWith?.());
  }

  /** tsk in the instance, to which the device's address has to be added. */
  get tsk(): CommandLine {
    return new CommandLine(this.directory);
  }

  get host(): string[] {
    return ['--host', `127.0.0.1:${this.port}`];
  }

  log(app: string): string {
    const lines = this.supervisor.get(app)?.log.last(1000) ?? [];
    return lines.map(({ stream, text }) => `${stream}: ${text}\n`).join('');
  }
}
