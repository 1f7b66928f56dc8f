// A lease: what a server's OFFER or ACK grants, checked. Whoever holds a `Lease` may configure it as it stands. Servers
// leave out what they must not, and say what cannot be: where sense can be made of it, `notes` tell of it.

import {
  type ClasslessRoute,
  DHCP_OPTION,
  readAddress,
  readAddresses,
  readClasslessRoutes,
  readDomains,
  readDomainSearch,
  readMessageType,
  readUint16,
  readUint32,
} from '../../../formats/dhcp-options.ts';
import type { DhcpPacket } from '../../../formats/dhcp-packet.ts';
import { classPrefixLength, isHostAddress, prefixLengthOfMask } from '../../../formats/ipv4-address.ts';

export interface Lease {
  address: string;
  prefixLength: number;
  /** Where renewals go: the server identifier, or the address that a server without one has sent from. */
  server: string;
  isServerNamed: boolean;
  /** Default routers, most preferred first; from option 121 where there is one, else from option 3. */
  routers: readonly string[];
  /** Routes to other destinations (option 121). */
  routes: readonly ClasslessRoute[];
  dns: readonly string[];
  search: readonly string[];
  ntpServers: readonly string[];
  /** Of the interface; less than `IPV6_MIN_MTU` holds for IPv4 alone. */
  mtu: number | null;
  /** All three null: the lease never ends. */
  leaseSec: number | null;
  renewSec: number | null;
  rebindSec: number | null;
  /** What the server does that it should not, a sentence each. */
  notes: readonly string[];
}

const INFINITE = 0xffff_ffff;
/** RFC 8200 section 5: an interface that carries less has no IPv6. */
export const IPV6_MIN_MTU = 1280;
/** RFC 791: what every host must take in one piece. Less is a mistake that would cut off the device. */
const MIN_MTU = 576;
/** Where a server does not say for how long; T1 comes in half of that. */
const USUAL_LEASE_SEC = 3600;

/** Options that a device misses when they are damaged, and how much can be read of each. */
const READERS: readonly [name: string, code: number, read: (options: DhcpPacket['options']) => number][] = [
  ['routers', DHCP_OPTION.routers, (options) => readAddresses(options, DHCP_OPTION.routers).length],
  ['DNS servers', DHCP_OPTION.dns, (options) => readAddresses(options, DHCP_OPTION.dns).length],
  ['a domain', DHCP_OPTION.domain, (options) => readDomains(options).length],
  [
    'time servers',
    DHCP_OPTION.ntpServers,
    (options) => readAddresses(options, DHCP_OPTION.ntpServers).length,
  ],
  ['search domains', DHCP_OPTION.domainSearch, (options) => readDomainSearch(options).length],
  ['routes', DHCP_OPTION.classlessRoutes, (options) => readClasslessRoutes(options)?.length ?? 0],
];

/** `undefined` when the message is no usable OFFER or ACK. `sender`: whom a server without an identifier is taken for. */
export function leaseOf(packet: DhcpPacket, sender?: string): Lease | undefined {
  const { options, yiaddr } = packet;
  const type = readMessageType(options);
  if ((type !== 'offer' && type !== 'ack') || flawOf(packet) !== null) return undefined;
  const named = readAddress(options, DHCP_OPTION.serverId);
  const isServerNamed = named !== undefined && isHostAddress(named);
  const server = isServerNamed ? named : sender;
  if (server === undefined) return undefined;
  const leaseSec = readUint32(options, DHCP_OPTION.leaseTime);
  const mtu = readUint16(options, DHCP_OPTION.mtu) ?? null;
  const search = readDomainSearch(options);
  return {
    address: yiaddr,
    prefixLength: prefixLengthOf(packet),
    server,
    isServerNamed,
    ...readRoutes(packet),
    dns: hostAddresses(packet, DHCP_OPTION.dns),
    search: search.length > 0 ? search : readDomains(options),
    ntpServers: hostAddresses(packet, DHCP_OPTION.ntpServers),
    mtu: mtu === null || mtu < MIN_MTU ? null : mtu,
    ...readTimes(packet, leaseSec ?? USUAL_LEASE_SEC),
    notes: notesOn(packet, isServerNamed ? null : server),
  };
}

/** Why nothing can be made of an OFFER or ACK; it goes on after the server's name. Null: something can. */
export function flawOf({ options, yiaddr }: DhcpPacket): string | null {
  if (!isHostAddress(yiaddr)) return `offers ${yiaddr}, which no host can have`;
  const leaseSec = readUint32(options, DHCP_OPTION.leaseTime);
  return leaseSec === 0 ? `offers ${yiaddr} for 0 seconds` : null;
}

export function sameLeaseSettings(a: Lease, b: Lease): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function prefixLengthOf(packet: DhcpPacket): number {
  return maskLengthOf(packet) ?? classPrefixLength(packet.yiaddr);
}

function maskLengthOf({ options }: DhcpPacket): number | undefined {
  const mask = readAddress(options, DHCP_OPTION.subnetMask);
  const length = mask === undefined ? undefined : prefixLengthOfMask(mask);
  // /0 would make the whole world local.
  return length === 0 ? undefined : length;
}

/** RFC 3442: with classless routes, the router option is to be ignored. */
function readRoutes(packet: DhcpPacket): Pick<Lease, 'routers' | 'routes'> {
  const classless = readClasslessRoutes(packet.options);
  if (classless === undefined) {
    const routers = hostAddresses(packet, DHCP_OPTION.routers).filter((router) => router !== packet.yiaddr);
    return { routers, routes: [] };
  }
  const usable = classless.filter(({ router }) => router === '0.0.0.0' || isHostAddress(router));
  return {
    routers: usable.filter(isDefaultRoute).map(({ router }) => router),
    routes: usable.filter((route) => !isDefaultRoute(route)),
  };
}

function isDefaultRoute({ prefixLength, router }: ClasslessRoute): boolean {
  return prefixLength === 0 && router !== '0.0.0.0';
}

function readTimes(
  { options }: DhcpPacket,
  leaseSec: number,
): Pick<Lease, 'leaseSec' | 'renewSec' | 'rebindSec'> {
  if (leaseSec === INFINITE) return { leaseSec: null, renewSec: null, rebindSec: null };
  const rebindSec = readUint32(options, DHCP_OPTION.rebindingTime) ?? leaseSec * 0.875;
  const renewSec = readUint32(options, DHCP_OPTION.renewalTime) ?? leaseSec * 0.5;
  // A server that contradicts itself gets the defaults of RFC 2131 section 4.4.5.
  if (renewSec > 0 && renewSec < rebindSec && rebindSec < leaseSec) return { leaseSec, renewSec, rebindSec };
  return { leaseSec, renewSec: leaseSec * 0.5, rebindSec: leaseSec * 0.875 };
}

function hostAddresses({ options }: DhcpPacket, code: number): string[] {
  return [...new Set(readAddresses(options, code).filter(isHostAddress))];
}

/** `guessedServer`: the sender, where the server does not name itself. */
function notesOn(packet: DhcpPacket, guessedServer: string | null): string[] {
  const { options } = packet;
  const mtu = readUint16(options, DHCP_OPTION.mtu) ?? null;
  const notes: string[] = [];
  if (guessedServer !== null)
    notes.push(`does not say who it is (option 54): taken for ${guessedServer}, which its answers come from`);
  if (readUint32(options, DHCP_OPTION.leaseTime) === undefined)
    notes.push('does not say for how long it lends the address (option 51): taken for an hour');
  if (maskLengthOf(packet) === undefined)
    notes.push(`gives no subnet mask that can be (option 1): taken for /${classPrefixLength(packet.yiaddr)}`);
  if (mtu !== null && mtu < MIN_MTU)
    notes.push(`asks for an MTU of ${mtu} bytes (option 26): passed over, as too small for IPv4`);
  else if (mtu !== null && mtu < IPV6_MIN_MTU)
    notes.push(
      `asks for an MTU of ${mtu} bytes (option 26), which would end IPv6: IPv4 keeps to it, the interface to ${IPV6_MIN_MTU}`,
    );
  for (const [name, code, read] of READERS) {
    const value = options.get(code);
    if (value !== undefined && value.length > 0 && read(options) === 0)
      notes.push(`sends ${name} that cannot be read (option ${code}, ${value.length} bytes): passed over`);
  }
  return notes.map((note) => `The DHCP server ${note}`);
}
