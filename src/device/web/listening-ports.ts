// Who listens where, for people: one of each protocol, port and service.

import type { ListeningPort } from '../../shared/api/web-api.ts';
import {
  type ListeningService,
  type ListeningSocket,
  listeningSockets,
  ownersOf,
} from '../listening-sockets.ts';
import { tryRead } from '../service-processes.ts';

/** The kernel's own default, as net.ipv4.ip_local_port_range has it. */
const FIRST_PORT_OF_CLIENTS = 32_768;

export function listeningPorts(
  services: readonly ListeningService[],
  { proc = '/proc', sys = '/sys' }: { proc?: string; sys?: string } = {},
): ListeningPort[] {
  const range = Number(tryRead(`${proc}/sys/net/ipv4/ip_local_port_range`)?.split(/\s/)[0]);
  const firstOfClients = Number.isInteger(range) ? range : FIRST_PORT_OF_CLIENTS;
  const sockets = listeningSockets(proc)
    // A socket that only asks has a port of these; whoever is to be found has not, or listens by TCP.
    .filter(({ protocol, port }) => protocol === 'tcp' || port < firstOfClients);
  const owners = ownersOf(new Set(sockets.map(({ inode }) => inode)), services, { proc, sys });
  return together(sockets.map((socket) => ({ ...socket, service: owners.get(socket.inode) ?? null })));
}

/** One of each protocol, port and service, with all addresses; in the order of ports. */
function together(sockets: readonly (ListeningSocket & { service: string | null })[]): ListeningPort[] {
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
