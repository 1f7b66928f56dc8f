// What ssh starts as its ProxyCommand: carries the bytes between ssh and the session's sshd.

import { BREAKGLASS_API } from '../../shared/breakglass/breakglass-api.ts';
import { TUNNEL_PROTOCOL } from '../../shared/tunnel-protocol.ts';
import type { DeviceClient } from '../devices/device-client.ts';

/** Resolves when the device has ended the connection. */
export async function carryConnection(
  client: DeviceClient,
  id: string,
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
): Promise<void> {
  const { socket, head } = await client.upgrade(
    BREAKGLASS_API.connection(id),
    TUNNEL_PROTOCOL,
    'connect to the break-glass session',
  );
  socket.setNoDelay(true);
  if (head.length > 0) output.write(head);
  const { promise, resolve } = Promise.withResolvers<void>();
  // ssh tells its user about a connection that breaks off; the reason is the network's.
  socket.on('error', () => socket.destroy()).once('close', () => resolve());
  output.on('error', () => socket.destroy());
  input.pipe(socket);
  socket.pipe(output, { end: false });
  await promise;
}
