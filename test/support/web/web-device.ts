// The real web server over a FakeInit, listening on this machine.

import { createPrivateKey, scryptSync, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { DeviceTls } from '../../../src/shared/services/device-tls.ts';
import type { AssetTable } from '../../../src/device/web/assets.ts';
import type { UpdatesOptions } from '../../../src/device/web/updates.ts';
import type { DeviceConfig } from '../../../src/shared/services/services.ts';
import type { TimeStatus } from '../../../src/shared/network/time-status.ts';
import type { UpdateState } from '../../../src/shared/update/update-state.ts';
import {
  createWebServer,
  listen,
  type WebLimits,
  type WebServer,
  type WebServerOptions,
} from '../../../src/device/web/server.ts';
import { noteStart } from '../../../src/device/web/start-time.ts';
import { makeAuthority, makeDeviceCertificate } from '../../../src/host/config/identity/certificate.ts';
import { formatIdentity } from '../../../src/host/config/identity/device-identity.ts';
import { FakeMeter, exampleConfig, exampleHardware, exampleNetwork, exampleTime } from './fake-device.ts';
import type { WifiNetwork } from '../../../src/shared/network/wifi-file.ts';
import { FakeWifi } from './fake-wifi.ts';
import { FakeInit } from './fake-init.ts';

export const TEST_PASSWORD = 'demo';
/** Of the weakest kind that there is, because tests pay for it again and again. */
const PASSWORD_HASH = `scrypt$2$1$1$c2FsdA$${scryptSync(TEST_PASSWORD, 'salt', 32, { N: 2, r: 1, p: 1 }).toString('base64url')}`;

export interface WebDevice {
  url: string;
  port: number;
  /** undefined without `tls`. */
  tls: TestTls | undefined;
  init: FakeInit;
  server: WebServer;
  close(): Promise<void>;
}

export interface TestTls {
  port: number;
  /** Certificate of the authority, in PEM. */
  authority: string;
  fingerprint: string;
  /** File with key and certificate of the device. */
  path: string;
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
  /** `own`: files of the user's. */
  tls?: Pick<DeviceTls, 'own'>;
  /** File of the device's key and certificate; without, they are made for the occasion. */
  identityPath?: string;
  updates?: Pick<UpdatesOptions, 'openDisk' | 'idleMs'>;
  permits?: WebServerOptions['permits'];
  breakglass?: WebServerOptions['breakglass'];
  /** Networks that the device knows. Absent: it has no Wi-Fi. */
  wifi?: readonly WifiNetwork[];
}

export async function startWebDevice(options: WebDeviceOptions = {}): Promise<WebDevice> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-web-'));
  const socketPath = join(directory, 'init.sock');
  const netStatusPath = join(directory, 'net.json');
  const timeStatusPath = join(directory, 'time.json');
  await writeFile(netStatusPath, JSON.stringify(exampleNetwork()));
  const startTimePath = join(directory, 'start-time.json');
  noteStart({ path: startTimePath, loaderTime: join(directory, 'no-variable') });
  await writeFile(timeStatusPath, JSON.stringify(options.time ?? exampleTime()));
  const init = await FakeInit.start({
    socketPath,
    lively: options.lively ?? false,
    stopMs: options.lively === true ? 600 : 5,
  });
  Object.assign(init.update, options.update);
  if (options.wifi) init.wifi = new FakeWifi(directory, netStatusPath, options.wifi);
  const identity = options.tls && makeTestIdentity(directory);
  const config = { ...exampleConfig(options.password === null ? null : PASSWORD_HASH), ...options.config };
  if (identity) config.web = { ...config.web, tls: { port: 0, ...identity, ...options.tls } };
  const server = createWebServer({
    config,
    ...(identity && { identityPath: options.identityPath ?? identity.path }),
    initSocketPath: socketPath,
    netStatusPath,
    timeStatusPath,
    startTimePath,
    knownAddressesPath: join(directory, 'known-addresses.json'),
    assets: options.assets ?? new Map(),
    meter: new FakeMeter(),
    hardware: exampleHardware(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ...(options.updates === undefined ? {} : { updates: options.updates }),
    ...(options.permits === undefined ? {} : { permits: options.permits }),
    ...(options.breakglass === undefined ? {} : { breakglass: options.breakglass }),
  });
  const port = await listen(server.http, options.port ?? 0);
  const tlsPort = server.https && (await listen(server.https, 0));
  const { tls } = config.web;
  server.context.trial.start(port, tls && { fingerprint: tls.fingerprint, port: tlsPort ?? 0 });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    tls: identity && { ...identity, port: tlsPort ?? 0 },
    init,
    server,
    close: async () => {
      await server.close();
      init.wifi?.close();
      await init.close();
      await rm(directory, { recursive: true });
    },
  };
}

const NAMES = { hostname: 'garden', dns: ['garden', 'garden.local', 'localhost'], addresses: ['127.0.0.1'] };

function makeTestIdentity(directory: string): Omit<TestTls, 'port'> {
  const authority = makeAuthority(NAMES, Date.now());
  const signer = { ...authority, privateKey: createPrivateKey(authority.privateKey) };
  const device = makeDeviceCertificate(NAMES, signer, Date.now());
  const path = join(directory, 'identity.pem');
  writeFileSync(path, formatIdentity(device));
  const { fingerprint256 } = new X509Certificate(device.certificate);
  return { path, authority: authority.certificate, fingerprint: fingerprint256 };
}
