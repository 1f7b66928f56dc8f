// What an interface is to have, whether it comes from a lease or from the configuration; and how it reads in a log line.

import type { Ipv4Route } from '../../formats/netlink-message.ts';
import { formatIpv4Prefix, networkOf, parseIpv4Prefix } from '../../formats/ipv4-address.ts';
import type { StaticInterfaceConfig } from '../../shared/network/network-config.ts';
import { describeDuration } from '../duration.ts';
import { IPV6_MIN_MTU, type Lease } from './dhcp/lease.ts';

export interface Ipv4Settings {
  address: string;
  prefixLength: number;
  metric: number;
  /** The kernel removes the address by itself after that; null: never. */
  validSec: number | null;
  routes: readonly Ipv4Route[];
  /** Of the interface; routes may have less. */
  mtu: number | null;
}

interface LinkRef {
  index: number;
  metric: number;
}

export function settingsOfLease(lease: Lease, validSec: number | null, link: LinkRef): Ipv4Settings {
  const ipv4Mtu = lease.mtu !== null && lease.mtu < IPV6_MIN_MTU ? lease.mtu : null;
  const limit = ipv4Mtu === null ? {} : { mtu: ipv4Mtu };
  const base = { linkIndex: link.index, metric: link.metric, origin: 'dhcp' as const, ...limit };
  const classless = lease.routes.map(({ destination, prefixLength, router }): Ipv4Route => {
    // 0.0.0.0: no router in between; the kernel then resolves the destination itself by ARP.
    const gateway = router === '0.0.0.0' ? {} : { gateway: router };
    return {
      ...base,
      destination: networkOf({ address: destination, prefixLength }),
      prefixLength,
      ...gateway,
    };
  });
  const { address, prefixLength, routers } = lease;
  const subnet = { ...base, origin: 'kernel' as const, destination: networkOf(lease), prefixLength };
  const routes = [
    ...(ipv4Mtu !== null && prefixLength < 32 ? [subnet] : []),
    ...classless,
    ...defaultRoutes(routers, base),
  ];
  const mtu = ipv4Mtu === null ? lease.mtu : IPV6_MIN_MTU;
  return { address, prefixLength, metric: link.metric, validSec, routes, mtu };
}

/** Throws a TypeError when `config` is not what its types promise. */
export function settingsOfStatic(config: StaticInterfaceConfig, link: LinkRef): Ipv4Settings {
  const base = { linkIndex: link.index, metric: link.metric, origin: 'static' as const };
  const routers = config.gateway === undefined ? [] : [config.gateway];
  return {
    ...parseIpv4Prefix(config.address),
    metric: link.metric,
    validSec: null,
    routes: defaultRoutes(routers, base),
    mtu: null,
  };
}

/**
 * All routers with one metric: Linux then uses the first and moves on to the next when it does not answer ARP
 * (RFC 1122 section 3.3.1.4; fib_select_default in the kernel). With metrics of their own it would not.
 */
function defaultRoutes(
  routers: readonly string[],
  base: Pick<Ipv4Route, 'linkIndex' | 'metric' | 'origin' | 'mtu'>,
): Ipv4Route[] {
  return routers.map((gateway) => ({ ...base, destination: '0.0.0.0', prefixLength: 0, gateway }));
}

/** `10.0.2.15/24 from 10.0.2.2, router 10.0.2.2, DNS 10.0.2.3, lease 1 day` */
export function describeLease(lease: Lease): string {
  const parts = [`${formatIpv4Prefix(lease)} from ${lease.server}`];
  parts.push(lease.routers.length > 0 ? `router ${lease.routers.join(' ')}` : 'no router');
  if (lease.routes.length > 0)
    parts.push(lease.routes.length === 1 ? '1 route' : `${lease.routes.length} routes`);
  if (lease.dns.length > 0) parts.push(`DNS ${lease.dns.join(' ')}`);
  parts.push(lease.leaseSec === null ? 'lease without end' : `lease ${describeDuration(lease.leaseSec)}`);
  return parts.join(', ');
}
