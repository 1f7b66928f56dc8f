// Whether a connection to a loopback port of this computer comes from the user who runs this program. Linux tells in
// /proc/net/tcp (proc(5)): a row a socket, with the user's number in it. Elsewhere nobody does.

import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** Of a row, from 0. */
const LOCAL = 1;
const REMOTE = 2;
const USER = 7;
const ROOT = 0;

export async function ownsConnection(
  { localPort, remotePort }: Socket,
  user = process.getuid?.(),
): Promise<boolean> {
  const rows = await readFile('/proc/net/tcp', 'latin1').catch(() => undefined);
  if (user === undefined || rows === undefined) return true;
  // The other end is a socket, too: from its view it is the local one.
  const row = rows
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find((fields) => portOf(fields[LOCAL]) === remotePort && portOf(fields[REMOTE]) === localPort);
  const owner = Number(row?.[USER]);
  return owner === user || owner === ROOT;
}

/** `0100007F:1F90` */
function portOf(address = ''): number {
  return Number.parseInt(address.split(':')[1] ?? '', 16);
}
