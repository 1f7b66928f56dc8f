// "network" in tskrazy.json: by interface name, or `*` for the wired interfaces that have no entry of their own; and `wifi`.
// What it means is in network-config.ts, whose types the result has.

import * as v from 'valibot';
import { wifiSchema } from './wifi.ts';
import { isHostAddress, isIpv4Address } from '../../formats/ipv4-address.ts';

/** What Linux takes (dev_valid_name in the kernel), or `*`. */
const INTERFACE_NAME = /^(?!\.{1,2}$)[^\s/:]{1,15}$/;
const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const IPV4 = `${OCTET}(?:\\.${OCTET}){3}`;
const IPV4_ADDRESS = new RegExp(`^${IPV4}$`);
const IPV4_PREFIX = new RegExp(`^${IPV4}/(?:[1-9]|[12]\\d|3[0-2])$`);
const DOMAIN = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*$/;

const metric = v.exactOptional(
  v.pipe(
    v.number('must be a number'),
    v.integer('must be a whole number'),
    v.minValue(1, 'must be at least 1'),
    v.maxValue(0x7fff_ffff, 'must be at most 2147483647'),
    v.description("Priority of the interface's routes, lower wins (default: 100 + number of the interface)"),
  ),
);

const dns = (description: string) =>
  v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(v.string('must be a string'), v.ip('must be an IP address')),
        'must be an array of addresses',
      ),
      v.description(description),
    ),
  );

const hostAddress = v.check(
  (text: string) => isUsable(text.split('/')[0] ?? ''),
  'must be an address that a host can have: not 0.x, 127.x or one from 224.0.0.0 on',
);

const dhcp = v.strictObject({
  ipv4: v.literal('dhcp'),
  dns: dns('DNS servers to use instead of those that DHCP names'),
  metric,
});

const fixed = v.strictObject({
  ipv4: v.literal('static'),
  address: v.pipe(
    v.string('must be a string'),
    v.regex(IPV4_PREFIX, 'must be an IPv4 address with prefix length like "192.168.1.5/24"'),
    hostAddress,
    v.description('Address and prefix length, like "192.168.1.5/24"'),
  ),
  gateway: v.exactOptional(
    v.pipe(
      v.string('must be a string'),
      v.regex(IPV4_ADDRESS, 'must be an IPv4 address like "192.168.1.1"'),
      hostAddress,
      v.description('Router to the rest of the world'),
    ),
  ),
  dns: dns('DNS servers'),
  search: v.exactOptional(
    v.pipe(
      v.array(
        v.pipe(v.string('must be a string'), v.regex(DOMAIN, 'must be a domain like "home.lan"')),
        'must be an array of domains',
      ),
      v.description('Domains that names without a dot are tried in'),
    ),
  ),
  metric,
});

const off = v.strictObject({ ipv4: v.literal('off') });

/** Radios are no interfaces of that name: the kernel calls them `wlan0`. */
export const networkSchema = v.pipe(
  v.objectWithRest(
    { wifi: v.exactOptional(wifiSchema) },
    v.variant('ipv4', [dhcp, fixed, off], 'must be an object whose "ipv4" is "dhcp", "static" or "off"'),
    'must be an object of settings by interface name',
  ),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    for (const key of Object.keys(dataset.value)) {
      if (INTERFACE_NAME.test(key)) continue;
      addIssue({
        message: 'is no interface name: at most 15 characters without blanks, "/" and ":", or "*"',
        path: [{ type: 'object', origin: 'key', input: dataset.value, key, value: dataset.value[key] }],
      });
    }
  }),
);

function isUsable(address: string): boolean {
  return !isIpv4Address(address) || isHostAddress(address);
}
