// The service `web`: status page and JSON API. Started by init as `/bin/node /tsk/web.cjs`; what is wrong
// with it ends it, and init starts it again.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { inheritedSocket } from '../../shared/services/listen.ts';
import { DEVICE_CONFIG_PATH, INIT_SOCKET_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import { assetTable } from './assets.ts';
import { useFewerCompilers } from './fewer-compilers.ts';
import { logError, logLine } from './log.ts';
import { createWebServer, listen } from './server.ts';
import { noteStart } from './start-time.ts';
import { EMBEDDED_ASSETS } from 'virtual:web-ui-assets';

/** Most are there in a few milliseconds; one that waits for its client is not waited for. */
const LAST_ANSWERS_MS = 4000;

async function main(): Promise<void> {
  const config = JSON.parse(readFileSync(DEVICE_CONFIG_PATH, 'utf8')) as DeviceConfig;
  const server = createWebServer({
    config,
    initSocketPath: INIT_SOCKET_PATH,
    assets: assetTable(EMBEDDED_ASSETS),
  });
  // Sessions are in memory: there is nothing to save. But who has got through to this process is answered by it, and
  // whoever connects from now on waits in the socket, which init holds, for the next one.
  process.once('SIGTERM', () => {
    void Promise.race([server.finish(), sleep(LAST_ANSWERS_MS)]).then(() => process.exit(0));
  });
  const port = await listen(server.http, config.web.port, inheritedSocket('http', process.env));
  const tls = config.web.tls;
  if (tls && server.https) await listen(server.https, tls.port, inheritedSocket('https', process.env));
  noteStart();
  server.context.trial.start(port, tls);
  useFewerCompilers();
  const ports = tls === undefined ? `port ${port}` : `ports ${port} and ${tls.port}`;
  logLine(`Listening on ${ports}${config.web.passwordHash === null ? ', without a password' : ''}`);
}

main().catch((error: unknown) => {
  logError('Cannot run the web server', error);
  process.exit(1);
});
