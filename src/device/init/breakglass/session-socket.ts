// The socket by which web hands on connections to a session. Nothing is read from them here: whoever starts a process with one
// passes it on as it came.

import { createServer, type Server, type Socket } from 'node:net';
import { BREAKGLASS_PATHS } from '../../../shared/breakglass/breakglass-api.ts';
import { listenAtPath } from '../../listen-at-path.ts';
import type { Sys } from '../../sys/sys.ts';

export async function openSessionSocket(sys: Sys, onConnection: (socket: Socket) => void): Promise<Server> {
  const path = sys.path(BREAKGLASS_PATHS.socket);
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  // Its directory is root's alone, too.
  await listenAtPath(server, path);
  return server;
}
