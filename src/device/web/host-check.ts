// Keeps out pages of other sites that have made a name of theirs lead to this device (DNS rebinding): to the browser they
// and the device's page are one origin, so that no other check sees them. What `Host` names must be the device.

import { readFileSync } from 'node:fs';
import type http from 'node:http';

import { NET_STATUS_PATH, type NetStatus } from '../../shared/network/net-status.ts';
import { HttpError } from './http-error.ts';
import { canonicalAddress, isOwnAddress } from './own-addresses.ts';

const MAX_SHOWN = 80;

export interface HostNames {
  hostname: string;
  /** `web.hosts` of the instance: names and addresses that only the network around the device knows. */
  hosts: readonly string[];
  /**
   * Whether names in search domains count, which whoever answers for DHCP or routes in the network chooses. Not where
   * reading takes no password: there the name is all that keeps out pages of other sites.
   */
  takesSearchDomains: boolean;
  /** Set by tests. */
  netStatusPath?: string;
}

/** Throws HttpError 400 when the request names no host, or several, and 421 when it names another one than this. */
export function checkHost(request: http.IncomingMessage, names: HostNames): void {
  const given = request.headersDistinct['host'] ?? [];
  if (given.length > 1) throw new HttpError('malformed', 'The request names its host twice');
  // A whole URL as the target counts as much as the header (RFC 9112, section 3.2.2): both have to be right.
  const ofTarget = /^https?:\/\/([^/?#]*)/i.exec(request.url ?? '')?.[1];
  for (const host of ofTarget === undefined ? given : [...given, ofTarget]) {
    if (isOurs(host, request, names)) continue;
    throw new HttpError(
      'wrong-host',
      `This device does not go by the name "${host.slice(0, MAX_SHOWN)}"; if it is to, add it to "web.hosts" in tskrazy.json`,
    );
  }
}

/** The port is not looked at: behind a forward it is another one. */
function isOurs(host: string, { socket }: http.IncomingMessage, names: HostNames): boolean {
  const [, bracketed, bare = ''] = /^(?:\[([^\]]*)\]|([^\s:@[\]]+))(?::\d{0,5})?$/.exec(host) ?? [];
  const address = canonicalAddress(bracketed ?? bare);
  if (address !== undefined) {
    return isOwnAddress(address, socket) || names.hosts.some((each) => canonicalAddress(each) === address);
  }
  // A dot at the end says that the name is complete, and is no part of it.
  const name = bare.toLowerCase().replace(/\.$/, '');
  return name === 'localhost' || isNameOfDevice(name, names);
}

function isNameOfDevice(
  name: string,
  { hostname, hosts, takesSearchDomains, netStatusPath }: HostNames,
): boolean {
  if (name === '') return false;
  // A hostname with a domain goes by its first part in the local link and in other domains.
  const full = hostname.toLowerCase();
  const own = full.split('.', 1)[0] ?? full;
  if (name === full || name === own || name === `${own}.local`) return true;
  if (hosts.some((each) => each.toLowerCase() === name)) return true;
  const status = readNetStatus(netStatusPath ?? NET_STATUS_PATH);
  const domains = takesSearchDomains ? (status?.interfaces.flatMap(({ search }) => search) ?? []) : [];
  return (
    name === status?.mdnsName?.toLowerCase() ||
    domains.some((domain) => name === `${own}.${domain.toLowerCase().replace(/\.$/, '')}`)
  );
}

/** Read for names that are no others: `net` replaces the file whenever something changes. */
function readNetStatus(path: string): NetStatus | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as NetStatus;
  } catch {
    return undefined;
  }
}
