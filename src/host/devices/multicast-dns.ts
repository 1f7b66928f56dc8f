// Asks the local link for the addresses of a name: one-shot queries of multicast DNS (RFC 6762 section 5.1) on
// every interface of this computer. For computers whose own resolver does not know names in .local.

import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import {
  decodeDnsMessage,
  type DnsMessage,
  EMPTY_DNS_MESSAGE,
  encodeDnsMessage,
} from '../../formats/dns-message.ts';
import { sameDnsName } from '../../formats/dns-name.ts';

/** A place to ask: an address family of one interface. */
export interface Link {
  family: 'udp4' | 'udp6';
  /** What names the interface to setMulticastInterface. */
  multicastInterface: string;
  group: string;
  port: number;
  /** Zone of link-local addresses that are learnt here. */
  zone: string;
}

const PORT = 5353;
const GROUPS = { udp4: '224.0.0.251', udp6: 'ff02::fb' } as const;
/** RFC 6762 section 11: receivers may insist on it. */
const HOP_LIMIT = 255;
/** A packet of a wireless network gets lost now and then. */
const SEND_AT_MS = [0, 300, 1000, 2000];
const TIME_LIMIT_MS = 3000;

/** All that anybody answers within three seconds. */
export async function collectMulticastDns(
  name: string,
  signal: AbortSignal,
  links?: readonly Link[],
): Promise<readonly string[]> {
  const found = new Set<string>();
  const take = (addresses: readonly string[]): boolean => {
    for (const address of addresses) found.add(address);
    return false;
  };
  await queryMulticastDns(name, signal, links, take);
  return [...found];
}

/** IPv4 addresses first; empty when nobody answers within three seconds, or nobody can have such a name. */
export async function queryMulticastDns(
  name: string,
  signal: AbortSignal,
  links: readonly Link[] = listLinks(),
  isEnough: (addresses: readonly string[]) => boolean = (addresses) => addresses.length > 0,
): Promise<readonly string[]> {
  const query = encodeQuery(name);
  if (query === undefined) return [];
  const answer = Promise.withResolvers<readonly string[]>();
  const timers = [setTimeout(() => answer.resolve([]), TIME_LIMIT_MS)];
  const stop = (): void => answer.resolve([]);
  signal.addEventListener('abort', stop, { once: true });
  const sockets = links.map((link) => {
    const socket = openSocket(link, () => {
      for (const delayMs of SEND_AT_MS) timers.push(setTimeout(() => ask(socket, link, query), delayMs));
    });
    socket.on('message', (bytes) => {
      const addresses = readAddresses(bytes, name, link);
      if (isEnough(addresses)) answer.resolve(addresses);
    });
    return socket;
  });
  try {
    if (links.length === 0 || signal.aborted) return [];
    return await answer.promise;
  } finally {
    signal.removeEventListener('abort', stop);
    for (const timer of timers) clearTimeout(timer);
    for (const socket of sockets) socket.close();
  }
}

/** Those that reach others; one for each family that an interface has. */
function listLinks(): Link[] {
  return Object.entries(networkInterfaces()).flatMap(([zone, addresses = []]) => {
    const external = addresses.filter(({ internal }) => !internal);
    const ipv4 = external.find(({ family }) => family === 'IPv4');
    const ipv6 = external.find(({ family, address }) => family === 'IPv6' && /^fe[89ab]/i.test(address));
    const links: Link[] = [];
    if (ipv4) {
      links.push({ family: 'udp4', multicastInterface: ipv4.address, group: GROUPS.udp4, port: PORT, zone });
    }
    if (ipv6) {
      links.push({ family: 'udp6', multicastInterface: `::%${zone}`, group: GROUPS.udp6, port: PORT, zone });
    }
    return links;
  });
}

/** Any port but 5353 marks the query as a one-shot: the answer then comes to this socket alone. */
function openSocket(link: Link, onReady: () => void): Socket {
  const socket = createSocket(link.family);
  // An interface that is down, or without multicast: the others may do.
  socket.on('error', () => {});
  socket.bind(0, () => {
    try {
      socket.setMulticastInterface(link.multicastInterface);
      socket.setMulticastTTL(HOP_LIMIT);
    } catch {
      return;
    }
    onReady();
  });
  return socket;
}

/** undefined: it cannot be asked for, because a part of the name is empty or too long. */
function encodeQuery(name: string): Uint8Array | undefined {
  const questions = (['A', 'AAAA'] as const).map((type) => ({ name, type, unicastResponse: false }));
  try {
    return encodeDnsMessage({ ...EMPTY_DNS_MESSAGE, questions });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function ask(socket: Socket, link: Link, query: Uint8Array): void {
  socket.send(query, link.port, link.group, () => {
    // An error is that of an interface without a way to the group; the others may do.
  });
}

function readAddresses(bytes: Uint8Array, name: string, { zone }: Link): string[] {
  let message: DnsMessage;
  try {
    message = decodeDnsMessage(bytes);
  } catch {
    // Anybody may send anything.
    return [];
  }
  if (!message.isResponse) return [];
  const found: string[] = [];
  for (const record of [...message.answers, ...message.additionals]) {
    if (!('address' in record.data) || !sameDnsName(record.name, name)) continue;
    const { type, address } = record.data;
    if (type === 'A') found.unshift(address);
    else found.push(/^fe[89ab]/i.test(address) ? `${address}%${zone}` : address);
  }
  return found;
}
