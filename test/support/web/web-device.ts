// The real web server over a FakeInit, listening on this machine.

import { scryptSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { AssetTable } from '../../../src/device/web/assets.ts';
import type { UpdatesOptions } from '../../../src/device/web/updates.ts';
import type { DeviceConfig } from '../../../src/shared/services/services.ts';
import type { TimeStatus } from '../../../src/shared/network/time-status.ts';
import type { UpdateState } from '../../../src/shared/update/update-state.ts';
import { createWebServer, listen, type WebLimits, type WebServer } from '../../../src/device/web/server.ts';
import { FakeMeter, exampleConfig, exampleNetwork, exampleTime } from './fake-device.ts';
import { FakeInit } from './fake-init.ts';

export const TEST_PASSWORD = 'demo';
/** Of the weakest kind that there is, because tests pay for it again and again. */
const PASSWORD_HASH = `scrypt$2$1$1$c2FsdA$${scryptSync(TEST_PASSWORD, 'salt', 32, { N: 2, r: 1, p: 1 }).toString('base64url')}`;

export interface WebDevice {
  url: string;
  port: number;
  init: FakeInit;
  server: WebServer;
  close(): Promise<void>;
}

export interface WebDeviceOptions {
  port?: number;
  password?: string | null;
  lively?: boolean;
  /** As init knows it when the server starts. */
  update?: Partial<UpdateState>;
  limits?: Partial<WebLimits>;
  assets?: AssetTable;
  config?: Partial<DeviceConfig>;
  time?: TimeStatus;
  updates?: Pick<UpdatesOptions, 'openDisk' | 'idleMs'>;
}

export async function startWebDevice(options: WebDeviceOptions = {}): Promise<WebDevice> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-web-'));
  const socketPath = join(directory, 'init.sock');
  const netStatusPath = join(directory, 'net.json');
  const timeStatusPath = join(directory, 'time.json');
  await writeFile(netStatusPath, JSON.stringify(exampleNetwork()));
  await writeFile(timeStatusPath, JSON.stringify(options.time ?? exampleTime()));
  const init = await FakeInit.start({
    socketPath,
    lively: options.lively ?? false,
    stopMs: options.lively === true ? 600 : 5,
  });
  Object.assign(init.update, options.update);
  const server = createWebServer({
    config: { ...exampleConfig(options.password === null ? null : PASSWORD_HASH), ...options.config },
    initSocketPath: socketPath,
    netStatusPath,
    timeStatusPath,
    assets: options.assets ?? new Map(),
    meter: new FakeMeter(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.updates === undefined ? {} : { updates: options.updates }),
  });
  const port = await listen(server.http, options.port ?? 0);
  server.context.trial.start(port);
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    init,
    server,
    close: async () => {
      await server.close();
      await init.close();
      await rm(directory, { recursive: true });
    },
  };
}
