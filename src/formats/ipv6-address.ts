// IPv6 addresses as text, in the canonical form of RFC 5952.

import { ipv4ToBytes, isIpv4Address } from './ipv4-address.ts';

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

const GROUP = /^[\da-f]{1,4}$/i;

/**
 * Any form of RFC 4291 section 2.2, without a scope (`%eth0`); undefined for all else. Read by hand, since the pattern
 * behind isIPv6() of node:net takes longer to compile than all that PID 1 reads with it.
 */
export function parseIpv6(text: string): Uint8Array | undefined {
  const [before = '', after, ...rest] = text.split('::');
  const head = bytesOfGroups(before, after === undefined);
  const tail = after === undefined ? [] : bytesOfGroups(after, true);
  if (head === undefined || tail === undefined || rest.length > 0) return undefined;
  const length = head.length + tail.length;
  // `::` stands for one group at least.
  if (after === undefined ? length !== 16 : length > 14) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(head);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

export function isIpv6Address(text: string): boolean {
  return parseIpv6(text) !== undefined;
}

export function ipv6ToBytes(address: string): Uint8Array {
  const bytes = parseIpv6(address);
  if (bytes === undefined) {
    throw new TypeError(`Cannot read IPv6 address "${address}": expected a form such as "fe80::1"`);
  }
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

/** `endsAddress`: its last four bytes may be written as an IPv4 address. */
function bytesOfGroups(text: string, endsAddress: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [index, group] of groups.entries()) {
    if (GROUP.test(group)) {
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    } else if (endsAddress && index === groups.length - 1 && isIpv4Address(group)) {
      bytes.push(...ipv4ToBytes(group));
    } else return undefined;
  }
  return bytes;
}
