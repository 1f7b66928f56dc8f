// Sockets that listen, and whose they are: the kernel's tables of sockets, and the descriptors of each service's
// processes. Read only when asked. Formats: proc(5), and proc_net_tcp in the kernel's documentation.

import { readdirSync, readlinkSync } from 'node:fs';
import { formatIpv6 } from '../formats/ipv6-address.ts';
import { processesOf, tryRead } from './service-processes.ts';

/** Looking at more would be felt: each is a system call. */
const MAX_DESCRIPTORS = 4096;
/** State of a TCP socket that listens, and of a UDP socket that is not connected. */
const STATES = { tcp: '0A', udp: '07' } as const;

export interface ListeningService {
  name: string;
  pid: number | null;
}

export interface ListeningSocket {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  inode: string;
}

export interface ProcPlaces {
  proc: string;
  sys: string;
}

/** Of the network that this process is in. */
export function listeningSockets(proc: string): ListeningSocket[] {
  return (['tcp', 'tcp6', 'udp', 'udp6'] as const).flatMap((table) =>
    parseSocketTable(tryRead(`${proc}/net/${table}`) ?? '', table),
  );
}

function parseSocketTable(text: string, table: 'tcp' | 'tcp6' | 'udp' | 'udp6'): ListeningSocket[] {
  const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
  return text.split('\n').flatMap((line): ListeningSocket[] => {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    const [, address = '', port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(local) ?? [];
    if (address === '' || state !== STATES[protocol]) return [];
    return [{ protocol, address: formatAddress(address), port: Number.parseInt(port, 16), inode }];
  });
}

/** Words of 32 bits as a little-endian processor has them. */
function formatAddress(hex: string): string {
  const bytes = Buffer.from(hex, 'hex').swap32();
  return bytes.length === 4 ? bytes.join('.') : formatIpv6(bytes);
}

/** Names of services by the inodes of their sockets; who is not found has none of the services', or is one of very many. */
export function ownersOf(
  wanted: ReadonlySet<string>,
  services: readonly ListeningService[],
  places: ProcPlaces,
): ReadonlyMap<string, string> {
  const owners = new Map<string, string>();
  let left = MAX_DESCRIPTORS;
  for (const { name, pid } of services) {
    if (pid === null) continue;
    for (const process of processesOf(pid, places).pids) {
      for (const inode of socketsOf(`${places.proc}/${process}/fd`)) {
        if (owners.size === wanted.size || left-- === 0) return owners;
        if (wanted.has(inode)) owners.set(inode, name);
      }
    }
  }
  return owners;
}

/** Inodes by a process's directory of descriptors; empty for a descriptor that is no socket. */
export function* socketsOf(directory: string): Generator<string> {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return; // The process has ended.
  }
  for (const name of names) {
    try {
      yield /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${name}`))?.[1] ?? '';
    } catch {
      yield '';
    }
  }
}
