// From a name to addresses: by the name server (most home routers know the names of their DHCP clients), and
// as a name of the local link, with this computer's own resolver and without.

import { lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { collectMulticastDns, queryMulticastDns } from './multicast-dns.ts';

/** Resolves to no addresses when the name is not known. */
export type NameResolver = (name: string, signal: AbortSignal) => Promise<readonly string[]>;

/** What is not known within this is not known; resolvers of some systems try for half a minute. */
const TIME_LIMIT_MS = 4000;

/** Resolvers by precedence. A name with a dot is complete. */
const RESOLVERS: readonly NameResolver[] = [
  lookUp,
  async (name) => (name.includes('.') ? [] : lookUp(`${name}.local`)),
  queryLocalName,
];

/** All are asked at once; the first in the list that knows the name wins. */
export async function resolveDeviceName(
  name: string,
  signal: AbortSignal,
  resolvers: readonly NameResolver[] = RESOLVERS,
): Promise<readonly string[]> {
  const end = new AbortController();
  const limit = AbortSignal.any([signal, end.signal]);
  try {
    const answers = resolvers.map((resolver) => Promise.race([resolver(name, limit), nothingAfter(limit)]));
    for (const answer of answers) {
      const addresses = await answer;
      if (addresses.length > 0) return [...new Set(addresses)];
    }
    signal.throwIfAborted();
    return [];
  } finally {
    end.abort();
  }
}

/** Whatever anybody says of the name, within the limit of each way to ask. */
export async function resolveEverywhere(name: string, signal: AbortSignal): Promise<readonly string[]> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)]);
  const local = localNameOf(name);
  const everybody = local === undefined ? [] : [collectMulticastDns(local, limit)];
  const answers = RESOLVERS.map((resolver) => Promise.race([resolver(name, limit), nothingAfter(limit)]));
  const addresses = (await Promise.all([...answers, ...everybody])).flat();
  signal.throwIfAborted();
  return [...new Set(addresses)];
}

async function nothingAfter(signal: AbortSignal): Promise<readonly string[]> {
  await delay(TIME_LIMIT_MS, undefined, { signal }).catch(() => undefined);
  return [];
}

async function lookUp(name: string): Promise<readonly string[]> {
  try {
    return (await lookup(name, { all: true, order: 'ipv4first' })).map(({ address }) => address);
  } catch {
    // ENOTFOUND, EAI_AGAIN (no name server in reach), and whatever else keeps it from being known.
    return [];
  }
}

async function queryLocalName(name: string, signal: AbortSignal): Promise<readonly string[]> {
  const local = localNameOf(name);
  return local === undefined ? [] : queryMulticastDns(local, signal);
}

/** undefined: it is no name of the local link. */
function localNameOf(name: string): string | undefined {
  // A dot at the end says that the name is complete, and is no part of it.
  const bare = name.replace(/\.$/, '');
  if (/\.local$/i.test(bare)) return bare;
  return name.includes('.') ? undefined : `${name}.local`;
}
