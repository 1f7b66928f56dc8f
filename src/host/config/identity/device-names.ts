// What a device's page may be called in a URL: the names that its certificate is good for.

import type { InstanceConfig } from '../instance-config.ts';

export interface DeviceNames {
  hostname: string;
  /** In lower case. */
  dns: readonly string[];
  addresses: readonly string[];
}

/** Addresses that DHCP gives are not known here; a name is known wherever the device is. */
export function deviceNames(config: Pick<InstanceConfig, 'hostname' | 'network'>): DeviceNames {
  const hostname = config.hostname.toLowerCase();
  const fixed = Object.values(config.network).flatMap((settings) =>
    settings.ipv4 === 'static' ? [settings.address.replace(/\/.*$/, '')] : [],
  );
  const names = [hostname, `${hostname}.local`, 'localhost'];
  const addresses = ['127.0.0.1', '::1', ...fixed];
  return { hostname, dns: [...new Set(names)], addresses: [...new Set(addresses)] };
}
