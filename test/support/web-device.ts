// The real web server over a FakeInit, listening on this machine. For its tests and for looking at the
// page: `node test/support/web-device.ts [PORT]` (password: demo).

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { assetTable, type AssetTable } from '../../src/device/web/assets.ts';
import { createWebServer, listen, type WebLimits, type WebServer } from '../../src/device/web/server.ts';
import { bundleWebUi, compressAsset } from '../../src/host/build/web-ui-bundle.ts';
import { hashPassword } from '../../src/shared/password.ts';
import { FakeMeter, exampleConfig, exampleNetwork } from './fake-device.ts';
import { FakeInit } from './fake-init.ts';

export const TEST_PASSWORD = 'demo';
/** As strong as it has to be here: tests check it hundreds of times. */
let passwordHash: string | undefined;

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
  limits?: Partial<WebLimits>;
  assets?: AssetTable;
}

export async function bundledAssets(): Promise<AssetTable> {
  const files = await bundleWebUi();
  return assetTable(
    files.map(({ bytes, ...file }) => ({
      ...file,
      gzipBase64: Buffer.from(compressAsset(bytes)).toString('base64'),
    })),
  );
}

export async function startWebDevice(options: WebDeviceOptions = {}): Promise<WebDevice> {
  const directory = await mkdtemp(join(tmpdir(), 'tsk-web-'));
  const socketPath = join(directory, 'init.sock');
  const netStatusPath = join(directory, 'net.json');
  await writeFile(netStatusPath, JSON.stringify(exampleNetwork()));
  passwordHash ??= hashPassword(TEST_PASSWORD);
  const init = await FakeInit.start({ socketPath, lively: options.lively ?? false });
  const server = createWebServer({
    config: exampleConfig(options.password === null ? null : passwordHash),
    initSocketPath: socketPath,
    netStatusPath,
    assets: options.assets ?? new Map(),
    meter: new FakeMeter(),
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  const port = await listen(server.http, options.port ?? 0);
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

if (import.meta.main) {
  const port = Number(process.argv[2] ?? 8080);
  const { url } = await startWebDevice({ port, lively: true, assets: await bundledAssets() });
  console.log(`${url}/  (password: ${TEST_PASSWORD})`);
}
