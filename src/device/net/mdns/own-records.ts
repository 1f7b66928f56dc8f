// What the device says of itself on one link: its name, its addresses there, and its services (RFC 6763). Records with
// `cacheFlush` are unique: they belong to one host alone.

import { type DnsData, type DnsRecord, type DnsType, encodeDnsData } from '../../../formats/dns-message.ts';
import { dnsNameKey, sameDnsName } from '../../../formats/dns-name.ts';
import { isIpv4Address } from '../../../formats/ipv4-address.ts';
import { ipv6ToBytes } from '../../../formats/ipv6-address.ts';

export interface ServiceAdvert {
  /** `_http._tcp` */
  type: string;
  port: number;
  txt: readonly string[];
}

export interface Identity {
  /** One label; instances of services are called the same. */
  label: string;
  /** Addresses of the link. */
  addresses: readonly string[];
  services: readonly ServiceAdvert[];
}

/** RFC 6762 section 10. */
const HOST_TTL_SEC = 120;
const OTHER_TTL_SEC = 4500;
const SERVICE_LIST = '_services._dns-sd._udp.local';

export function hostName(label: string): string {
  return `${label}.local`;
}

export function recordsOf({ label, addresses, services }: Identity): DnsRecord[] {
  const host = hostName(label);
  return [
    ...addresses.flatMap((address) => [
      unique(host, { type: isIpv4Address(address) ? 'A' : 'AAAA', address }),
      unique(reverseName(address), { type: 'PTR', target: host }),
    ]),
    ...services.flatMap(({ type, port, txt }) => [
      shared(`${type}.local`, `${label}.${type}.local`),
      unique(`${label}.${type}.local`, { type: 'SRV', priority: 0, weight: 0, port, target: host }),
      unique(`${label}.${type}.local`, { type: 'TXT', strings: txt }, OTHER_TTL_SEC),
      shared(SERVICE_LIST, `${type}.local`),
    ]),
  ];
}

/** The names that nobody else may have; those of addresses are not asked for, as they are ours by other means. */
export function claimedNames({ label, services }: Identity): string[] {
  return [hostName(label), ...services.map(({ type }) => `${label}.${type}.local`)];
}

/** "There are no other types for this name" (RFC 6762 section 6.1). */
export function absenceRecord(name: string, own: readonly DnsRecord[]): DnsRecord {
  const types = own
    .filter((record) => sameDnsName(record.name, name))
    .map(({ data }) => data.type as DnsType);
  return unique(name, { type: 'NSEC', nextName: name, types: [...new Set(types)] });
}

/** Two records with the same key say the same. */
export function recordKey({ name, data }: DnsRecord): string {
  return `${dnsNameKey(name)} ${data.type} ${Buffer.from(encodeDnsData(data)).toString('hex')}`;
}

function unique(name: string, data: DnsData, ttlSec = HOST_TTL_SEC): DnsRecord {
  return { name, cacheFlush: true, ttlSec, data };
}

function shared(name: string, target: string): DnsRecord {
  return { name, cacheFlush: false, ttlSec: OTHER_TTL_SEC, data: { type: 'PTR', target } };
}

/** `15.2.0.10.in-addr.arpa` */
function reverseName(address: string): string {
  if (isIpv4Address(address)) return `${address.split('.').toReversed().join('.')}.in-addr.arpa`;
  const digits = Buffer.from(ipv6ToBytes(address)).toString('hex');
  return `${digits.split('').toReversed().join('.')}.ip6.arpa`;
}
