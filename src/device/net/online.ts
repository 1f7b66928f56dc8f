// Whether an interface leads anywhere: what `waitFor: ["network"]` waits for.

import type { InterfaceStatus } from '../../shared/network/net-status.ts';

/** Global unicast, 2000::/3: only a router gives such an address. */
const GLOBAL = /^[23][0-9a-f]{3}:/;
/** Unique local, fc00::/7: a router, too, but it may be one that leads to a few lamps and no further. */
const UNIQUE_LOCAL = /^f[cd][0-9a-f]{2}:/;

export function hasRoutedIpv6(addresses: readonly string[]): boolean {
  return addresses.some((address) => GLOBAL.test(address) || UNIQUE_LOCAL.test(address));
}

/** `isIpv4Expected`: a DHCP server has not had the time to answer yet. */
export function isOnline(
  { carrier, addresses, gateways }: Pick<InterfaceStatus, 'carrier' | 'addresses' | 'gateways'>,
  isIpv4Expected: boolean,
): boolean {
  if (!carrier) return false;
  const hasIpv4 = gateways.length > 0 && addresses.some((address) => !address.includes(':'));
  return (
    hasIpv4 ||
    addresses.some((address) => GLOBAL.test(address)) ||
    (!isIpv4Expected && hasRoutedIpv6(addresses))
  );
}
