// How good the network is, as far as an update may not make it worse: by `net`'s own word.

import { readFileSync } from 'node:fs';
import { NET_STATUS_PATH, type InterfaceStatus, type NetStatus } from '../../../shared/network/net-status.ts';
import type { Sys } from '../../sys/sys.ts';
import type { NetworkQuality } from './trial/health-before.ts';

export function readNetworkQuality(sys: Sys): NetworkQuality {
  try {
    const { interfaces } = JSON.parse(readFileSync(sys.path(NET_STATUS_PATH), 'utf8')) as NetStatus;
    const alive = interfaces.filter(({ carrier }) => carrier);
    return { ipv4: alive.some(hasRoutedIpv4), ipv6: alive.some(hasGlobalIpv6) };
  } catch {
    // Not written yet.
    return { ipv4: false, ipv6: false };
  }
}

function hasRoutedIpv4({ addresses, gateways }: InterfaceStatus): boolean {
  return gateways.length > 0 && addresses.some((address) => !address.includes(':'));
}

/** 2000::/3 */
function hasGlobalIpv6({ addresses }: InterfaceStatus): boolean {
  return addresses.some((address) => /^[23][0-9a-f]{3}:/.test(address));
}

/** A sentence about what is missing. */
export function describeLoss(before: NetworkQuality, now: NetworkQuality): string | null {
  const lost = [
    ...(before.ipv4 && !now.ipv4 ? ['no IPv4 address with a router'] : []),
    ...(before.ipv6 && !now.ipv6 ? ['no global IPv6 address'] : []),
  ];
  return lost.length === 0 ? null : `the network: ${lost.join(' and ')}, as there was before`;
}
