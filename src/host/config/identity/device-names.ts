// What a device's page may be called in a URL: the names that its certificate is good for.

import { isIP } from 'node:net';
import type { NetworkConfig } from '../../../shared/network/network-config.ts';

/** What of a configuration names its device. */
export interface NamedDevice {
  hostname: string;
  network: NetworkConfig;
  web: { hosts: readonly string[] };
}

export interface DeviceNames {
  hostname: string;
  /** In lower case. */
  dns: readonly string[];
  addresses: readonly string[];
}

/** Addresses that DHCP gives are not known here; a name is known wherever the device is. */
export function deviceNames(config: NamedDevice): DeviceNames {
  const hostname = config.hostname.toLowerCase();
  const fixed = Object.values(config.network).flatMap((settings) =>
    settings.ipv4 === 'static' ? [settings.address.replace(/\/.*$/, '')] : [],
  );
  const hosts = config.web.hosts.map((host) => host.toLowerCase());
  // A hostname with a domain goes by its first part in the local link and in other domains.
  const own = hostname.split('.', 1)[0] ?? hostname;
  const domains = Object.values(config.network).flatMap((each) =>
    each.ipv4 === 'static' ? (each.search ?? []) : [],
  );
  const searched = domains.map((domain) => `${own}.${domain.toLowerCase()}`);
  const names = [
    hostname,
    own,
    `${own}.local`,
    'localhost',
    ...searched,
    ...hosts.filter((host) => isIP(host) === 0),
  ];
  const addresses = ['127.0.0.1', '::1', ...fixed, ...hosts.filter((host) => isIP(host) !== 0)];
  return { hostname, dns: [...new Set(names)], addresses: [...new Set(addresses)] };
}
