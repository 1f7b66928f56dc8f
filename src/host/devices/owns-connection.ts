// Whether a connection to a loopback port of this computer comes from the user who runs this program. Linux tells in
// /proc/net/tcp (proc(5)): a row a socket, with the user's number in it. Elsewhere nobody does.

import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { endianness } from 'node:os';
import { ipv4ToBytes, isIpv4Address } from '../../formats/ipv4-address.ts';

/** Of a row, from 0. */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const USER = 7;
const INODE = 9;
/** net/tcp_states.h: TCP_ESTABLISHED. */
const ESTABLISHED = '01';
/** Of a connection that nobody has any more, which the kernel keeps for a while (TIME_WAIT) as user 0's. */
const NO_INODE = '0';

/** Of an end of a connection. */
export interface Endpoint {
  address: string;
  port: number;
}

export async function ownsConnection(socket: Socket, user = process.getuid?.()): Promise<boolean> {
  const table = await readFile('/proc/net/tcp', 'latin1').catch(() => undefined);
  if (user === undefined || table === undefined) return true;
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = socket;
  // The other end is a socket, too: from its view it is the local one.
  const theirs = { address: remoteAddress, port: remotePort };
  return userOfConnection(table, theirs, { address: localAddress, port: localPort }) === user;
}

/** Whose the socket with these two ends is that has an established connection; undefined: there is none in `table`. */
export function userOfConnection(table: string, local: Endpoint, remote: Endpoint): number | undefined {
  const [localText, remoteText] = [formatEndpoint(local), formatEndpoint(remote)];
  const row = table
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .find(
      (fields) =>
        fields[LOCAL] === localText &&
        fields[REMOTE] === remoteText &&
        fields[STATE] === ESTABLISHED &&
        fields[INODE] !== NO_INODE,
    );
  return row === undefined ? undefined : Number(row[USER]);
}

/** `0100007F:1F90`: the address as the processor reads it in a word. */
function formatEndpoint({ address, port }: Endpoint): string | undefined {
  if (!isIpv4Address(address)) return undefined;
  const bytes = ipv4ToBytes(address);
  const word = endianness() === 'LE' ? Uint8Array.from(bytes).reverse() : bytes;
  return `${Buffer.from(word).toString('hex')}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}
