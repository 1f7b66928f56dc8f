// Whether an address is on the link (RFC 6762 section 11): what comes from elsewhere, by unicast through a router, is
// none of mDNS' business.

import { isIpv4Address, ipv4ToBytes } from '../../../formats/ipv4-address.ts';
import { ipv6ToBytes, isLinkLocalIpv6 } from '../../../formats/ipv6-address.ts';

/** `own`: the link's addresses with prefix lengths, `10.0.2.15/24`. */
export function isOnLink(address: string, own: readonly string[]): boolean {
  const bytes = toBytes(address);
  if (bytes.length === 16 && isLinkLocalIpv6(bytes)) return true;
  return own.some((text) => {
    const [ownAddress = '', prefixLength = ''] = text.split('/');
    return hasPrefix(bytes, toBytes(ownAddress), Number(prefixLength));
  });
}

function hasPrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index * 8 < bits; index++) {
    const mask = 0xff << Math.max(0, 8 - (bits - index * 8));
    if ((((a[index] ?? 0) ^ (b[index] ?? 0)) & mask & 0xff) !== 0) return false;
  }
  return true;
}

function toBytes(address: string): Uint8Array {
  return isIpv4Address(address) ? ipv4ToBytes(address) : ipv6ToBytes(address);
}
