// A lease: what a server's OFFER or ACK grants, checked. Whoever holds a `Lease` may configure it as it stands.

import {
  type ClasslessRoute,
  DHCP_OPTION,
  readAddress,
  readAddresses,
  readClasslessRoutes,
  readDomain,
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
  /** Server identifier: where renewals go. */
  server: string;
  /** Default routers, most preferred first; from option 121 where there is one, else from option 3. */
  routers: readonly string[];
  /** Routes to other destinations (option 121). */
  routes: readonly ClasslessRoute[];
  dns: readonly string[];
  search: readonly string[];
  ntpServers: readonly string[];
  mtu: number | null;
  /** All three null: the lease never ends. */
  leaseSec: number | null;
  renewSec: number | null;
  rebindSec: number | null;
}

const INFINITE = 0xffff_ffff;
/** RFC 791: what every host must take in one piece. Less is a mistake that would cut off the device. */
const MIN_MTU = 576;

/** `undefined` when the message is no usable OFFER or ACK. */
export function leaseOf(packet: DhcpPacket): Lease | undefined {
  const { options, yiaddr } = packet;
  const type = readMessageType(options);
  const server = readAddress(options, DHCP_OPTION.serverId);
  const leaseSec = readUint32(options, DHCP_OPTION.leaseTime);
  if ((type !== 'offer' && type !== 'ack') || !isHostAddress(yiaddr)) return undefined;
  if (server === undefined || !isHostAddress(server) || leaseSec === undefined || leaseSec === 0)
    return undefined;
  const mtu = readUint16(options, DHCP_OPTION.mtu);
  const domain = readDomain(options);
  const search = readDomainSearch(options);
  return {
    address: yiaddr,
    prefixLength: prefixLengthOf(packet),
    server,
    ...readRoutes(packet),
    dns: hostAddresses(packet, DHCP_OPTION.dns),
    search: search.length > 0 || domain === undefined ? search : [domain],
    ntpServers: hostAddresses(packet, DHCP_OPTION.ntpServers),
    mtu: mtu === undefined || mtu < MIN_MTU ? null : mtu,
    ...readTimes(packet, leaseSec),
  };
}

export function sameLeaseSettings(a: Lease, b: Lease): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function prefixLengthOf({ options, yiaddr }: DhcpPacket): number {
  const mask = readAddress(options, DHCP_OPTION.subnetMask);
  const fromMask = mask === undefined ? undefined : prefixLengthOfMask(mask);
  // /0 would make the whole world local.
  return fromMask === undefined || fromMask === 0 ? classPrefixLength(yiaddr) : fromMask;
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
