// What becomes of a connection whose request for a tunnel is granted (upgrades.ts).

import type net from 'node:net';
import { TUNNEL_PROTOCOL } from '../../shared/tunnel-protocol.ts';

/** Finds out about clients that have gone without a word. */
const KEEP_ALIVE_MS = 15_000;

/** Tells the client that the connection is a tunnel from here on. Neither end outlives the other. */
export function joinTunnel(client: net.Socket, head: Buffer, target: net.Socket): void {
  target.on('error', () => target.destroy());
  // What has been said last still goes out.
  target.once('close', () => client.destroySoon());
  client.once('close', () => target.destroy());
  // The client may have gone meanwhile.
  if (client.destroyed) target.destroy();
  client.setTimeout(0);
  client.setKeepAlive(true, KEEP_ALIVE_MS);
  client.setNoDelay(true);
  client.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${TUNNEL_PROTOCOL}\r\n\r\n`,
  );
  if (head.length > 0) target.write(head);
  target.pipe(client);
  // The client may have said all that it had to say by now, and a pipe would wait for the end.
  if (client.readableEnded) target.end();
  else client.pipe(target);
}
