// IPv6 addresses as text, in the canonical form of RFC 5952.

import { isIPv6 } from 'node:net';
import { ipv4ToBytes } from './ipv4-address.ts';

export function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[index * 2] ?? 0) << 8) | (bytes[index * 2 + 1] ?? 0)).toString(16),
  );
  const run = longestZeroRun(groups);
  // A single zero group is written out.
  if (run.length < 2) return groups.join(':');
  const before = groups.slice(0, run.start).join(':');
  const after = groups.slice(run.start + run.length).join(':');
  return `${before}::${after}`;
}

/** Any form of RFC 4291 section 2.2, without a scope (`%eth0`). */
export function isIpv6Address(text: string): boolean {
  return isIPv6(text) && !text.includes('%');
}

export function ipv6ToBytes(address: string): Uint8Array {
  if (!isIpv6Address(address)) {
    throw new TypeError(`Cannot read IPv6 address "${address}": expected a form such as "fe80::1"`);
  }
  const dotted = /[^:]*\.[^:]*$/.exec(address)?.[0];
  const tail = dotted === undefined ? [] : [...ipv4ToBytes(dotted)];
  const hex = dotted === undefined ? address : address.slice(0, -dotted.length).replace(/([^:]):$/, '$1');
  const [before = [], after = []] = hex.split('::').map((half) => half.split(':').flatMap(groupBytes));
  const bytes = new Uint8Array(16);
  bytes.set(before);
  bytes.set(tail, 16 - tail.length);
  bytes.set(after, 16 - tail.length - after.length);
  return bytes;
}

export function isLinkLocalIpv6(bytes: Uint8Array): boolean {
  return bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80;
}

/** The first of the longest. */
function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

function groupBytes(group: string): number[] {
  const value = Number.parseInt(group, 16);
  return group === '' ? [] : [value >> 8, value & 255];
}
