// The service `web`: status page and JSON API. Started by init as `/bin/node /tsk/web.cjs`; what is wrong
// with it ends it, and init starts it again.

import { readFileSync } from 'node:fs';

import { DEVICE_CONFIG_PATH, INIT_SOCKET_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import { assetTable } from './assets.ts';
import { logError, logLine } from './log.ts';
import { createWebServer, listen } from './server.ts';
import { EMBEDDED_ASSETS } from 'virtual:web-ui-assets';

const LAST_ANSWERS_MS = 50;

async function main(): Promise<void> {
  const config = JSON.parse(readFileSync(DEVICE_CONFIG_PATH, 'utf8')) as DeviceConfig;
  const server = createWebServer({
    config,
    initSocketPath: INIT_SOCKET_PATH,
    assets: assetTable(EMBEDDED_ASSETS),
  });
  // Sessions are in memory and answers are short: there is nothing to save. But one may be on its way that says why
  // this ends, to whoever asked for a restart.
  process.once('SIGTERM', () => {
    setTimeout(() => process.exit(0), LAST_ANSWERS_MS);
  });
  const port = await listen(server.http, config.web.port);
  server.context.trial.start(port);
  logLine(`Listening on port ${port}${config.web.passwordHash === null ? ', without a password' : ''}`);
}

main().catch((error: unknown) => {
  logError('Cannot run the web server', error);
  process.exit(1);
});
