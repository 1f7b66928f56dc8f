// Address prefixes as the kernel's longest-prefix maps have them, IPv4 as ::ffff:a.b.c.d, and the sets that the
// `network` setting of apps is about: the device itself, the networks that it is in, and everybody in those at once. Pure.

import {
  broadcastOf,
  ipv4ToBytes,
  isIpv4Address,
  parseIpv4Prefix,
} from '../../../../formats/ipv4-address.ts';
import { parseIpv6 } from '../../../../formats/ipv6-address.ts';
import type { NetStatus } from '../../../../shared/network/net-status.ts';

/** Length of the prefix, and an address of 16 bytes. */
export const PREFIX_KEY_BYTES = 20;
/** Bytes 8 to 11 of ::ffff:a.b.c.d as a little-endian processor has them in a register. */
export const MAPPED_PREFIX_WORD = 0xffff0000 | 0;

const MAPPED_BITS = 96;

/** The device's, whatever its addresses: loopback, and "any", which means the device itself as a destination. */
const ALWAYS_LOCAL = ['127.0.0.0/8', '0.0.0.0/8', '::1/128', '::/128'];

/** Groups, and the broadcast of whatever network a packet leaves by. */
const ALWAYS_EVERYBODY = ['224.0.0.0/4', '255.255.255.255/32', 'ff00::/8'];
/** Longer prefixes have no address for it (RFC 3021). */
const LONGEST_WITH_BROADCAST = 30;

/** Private, link-local and loopback; groups and the broadcast of the link or the site. */
const ALWAYS_LAN = [
  ...ALWAYS_LOCAL,
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '224.0.0.0/24',
  '239.0.0.0/8',
  '255.255.255.255/32',
  'fe80::/10',
  'fc00::/7',
  // Groups by their scope: interface, link, realm, admin, site (RFC 4291, section 2.7; RFC 7346).
  ...[1, 2, 3, 4, 5].flatMap((scope) => ['0', '1', '3', '7'].map((flags) => `ff${flags}${scope}::/16`)),
];

/** Prefixes that are the device itself. */
export function localPrefixes(status: NetStatus | undefined): string[] {
  return [
    ...ALWAYS_LOCAL,
    ...addressesOf(status).map((address) => wholeAddress(address.split('/')[0] ?? '')),
  ];
}

/** Where a packet goes to many, of which other programs of the device are some: the kernel hands them a copy. */
export function everybodyPrefixes(status: NetStatus | undefined): string[] {
  const networks = addressesOf(status)
    .filter((address) => !address.includes(':'))
    .map(parseIpv4Prefix);
  return [
    ...ALWAYS_EVERYBODY,
    ...networks
      .filter(({ prefixLength }) => prefixLength <= LONGEST_WITH_BROADCAST)
      .map((network) => wholeAddress(broadcastOf(network))),
  ];
}

/** Prefixes of the networks that the device is in. Own addresses are among them. */
export function lanPrefixes(status: NetStatus | undefined): string[] {
  return [...ALWAYS_LAN, ...addressesOf(status)];
}

export function nameServers(status: NetStatus | undefined): string[] {
  return (status?.interfaces ?? []).flatMap(({ dns }) =>
    dns.map((server) => wholeAddress(withoutZone(server))),
  );
}

/** `10.0.2.15/24` or `fe80::1/64` as a key. Undefined for what is no prefix. */
export function prefixKey(prefix: string): Uint8Array | undefined {
  const [address = '', lengthText] = prefix.split('/');
  const length = Number(lengthText);
  const key = new Uint8Array(PREFIX_KEY_BYTES);
  const bytes = parseIpv6(address);
  if (bytes !== undefined) {
    key.set(bytes, 4);
    key[0] = length;
  } else if (isIpv4Address(address)) {
    key.set([0xff, 0xff], 4 + 10);
    key.set(ipv4ToBytes(address), 4 + 12);
    key[0] = MAPPED_BITS + length;
  } else return undefined;
  clearHostBits(key);
  return key;
}

/** Two spellings of one prefix are one key. */
function clearHostBits(key: Uint8Array): void {
  const length = key[0] ?? 0;
  for (let bit = length; bit < 128; bit++) {
    const index = 4 + (bit >> 3);
    key[index] = (key[index] ?? 0) & ~(0x80 >> (bit & 7));
  }
}

function addressesOf(status: NetStatus | undefined): string[] {
  return (status?.interfaces ?? []).flatMap(({ addresses }) => addresses);
}

function wholeAddress(address: string): string {
  return `${address}/${address.includes(':') ? 128 : 32}`;
}

function withoutZone(address: string): string {
  return address.split('%')[0] ?? '';
}
