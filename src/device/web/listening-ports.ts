// Who listens where: the kernel's tables of sockets, and whose they are by the descriptors of each service's processes.
// Read only when asked. Formats: proc(5), and proc_net_tcp in the kernel's documentation.

import { readdirSync, readlinkSync } from 'node:fs';
import { formatIpv6 } from '../../formats/ipv6-address.ts';
import type { ListeningPort } from '../../shared/api/web-api.ts';
import { processesOf, tryRead } from './service-processes.ts';

/** Looking at more would be felt: each is a system call. */
const MAX_DESCRIPTORS = 4096;
/** State of a TCP socket that listens, and of a UDP socket that is not connected. */
const STATES = { tcp: '0A', udp: '07' } as const;
/** The kernel's own default, as net.ipv4.ip_local_port_range has it. */
const FIRST_PORT_OF_CLIENTS = 32_768;

export interface ListeningService {
  name: string;
  pid: number | null;
}

interface BoundSocket {
  protocol: 'tcp' | 'udp';
  address: string;
  port: number;
  inode: string;
}

export function listeningPorts(
  services: readonly ListeningService[],
  { proc = '/proc', sys = '/sys' }: { proc?: string; sys?: string } = {},
): ListeningPort[] {
  const range = Number(tryRead(`${proc}/sys/net/ipv4/ip_local_port_range`)?.split(/\s/)[0]);
  const firstOfClients = Number.isInteger(range) ? range : FIRST_PORT_OF_CLIENTS;
  const sockets = (['tcp', 'tcp6', 'udp', 'udp6'] as const)
    .flatMap((table) => parseSocketTable(tryRead(`${proc}/net/${table}`) ?? '', table))
    // A socket that only asks has a port of these; whoever is to be found has not, or listens by TCP.
    .filter(({ protocol, port }) => protocol === 'tcp' || port < firstOfClients);
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)), services, { proc, sys });
  return together(sockets.map((socket) => ({ ...socket, service: owners.get(socket.inode) ?? null })));
}

function parseSocketTable(text: string, table: 'tcp' | 'tcp6' | 'udp' | 'udp6'): BoundSocket[] {
  const protocol = table.startsWith('tcp') ? 'tcp' : 'udp';
  return text.split('\n').flatMap((line): BoundSocket[] => {
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

function ownersOf(
  wanted: ReadonlySet<string>,
  services: readonly ListeningService[],
  places: { proc: string; sys: string },
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

/** Empty for a descriptor that is no socket. */
function* socketsOf(directory: string): Generator<string> {
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

/** One of each protocol, port and service, with all addresses; in the order of ports. */
function together(sockets: readonly (BoundSocket & { service: string | null })[]): ListeningPort[] {
  const ports = new Map<string, ListeningPort & { addresses: string[] }>();
  for (const { protocol, port, service, address } of sockets) {
    const key = `${protocol} ${port} ${service}`;
    const known = ports.get(key);
    if (known === undefined) ports.set(key, { protocol, port, service, addresses: [address] });
    else if (!known.addresses.includes(address)) known.addresses.push(address);
  }
  return [...ports.values()].toSorted(
    (one, other) => one.port - other.port || one.protocol.localeCompare(other.protocol),
  );
}
