// Which addresses are this device's: what its apps can send from, and what it may be called by.

import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';

import { isIpv4Address } from '../../formats/ipv4-address.ts';
import { formatIpv6, parseIpv6 } from '../../formats/ipv6-address.ts';

/** One form for each address: without a zone, and an IPv4 address that IPv6 carries as IPv4. undefined: no address. */
export function canonicalAddress(text: string): string | undefined {
  const address = text.replace(/%.*$/, '');
  const bytes = parseIpv6(address);
  if (bytes === undefined) return isIpv4Address(address) ? address : undefined;
  const isMapped =
    bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  return isMapped ? bytes.subarray(12).join('.') : formatIpv6(bytes);
}

/** Takes a canonical address. */
function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** Takes a canonical address. The kernel is asked only for what the connection itself does not show. */
export function isOwnAddress(address: string, socket: Pick<Socket, 'localAddress'>): boolean {
  if (isLoopback(address) || address === canonicalAddress(socket.localAddress ?? '')) return true;
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.some((each) => canonicalAddress(each.address) === address);
}
