// Has a server listen at a path of root's alone, as init does for what only programs of ours may ask of it.

import { chmodSync, rmSync } from 'node:fs';
import type { Server } from 'node:net';

/** What an earlier process has left at the path is removed. The server keeps nobody running. */
export async function listenAtPath(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  // A connection that could not be accepted.
  server.on('error', () => {});
  server.unref();
}
