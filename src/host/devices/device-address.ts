// Where a device's web server is: an address that was given, or that was found.

import { isIPv6 } from 'node:net';
import { UserError } from '../user-error.ts';

export interface DeviceAddress {
  /** Name or address, without brackets; of a link-local address with its zone. */
  host: string;
  port: number;
}

/** `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT`, or an IPv6 address bare; an http URL as `tsk vm run` prints it. */
export function parseDeviceAddress(text: string, defaultPort: number): DeviceAddress {
  const bare = text
    .trim()
    .replace(/^http:\/\//i, '')
    .replace(/\/$/, '');
  if (isIPv6(bare)) return { host: bare, port: defaultPort };
  const match = /^(?:\[([^\]]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(bare);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultPort : Number(match[3]);
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host)) || port < 1 || port > 65535) {
    throw new UserError(`Cannot use "${text}" as a host: it is not a name or an address`, {
      hint: 'Give --host NAME, --host ADDRESS or --host ADDRESS:PORT, such as --host 192.168.1.20.',
    });
  }
  return { host, port };
}

export function formatDeviceAddress({ host, port }: DeviceAddress): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === 80 ? name : `${name}:${port}`;
}

export function deviceUrl({ host, port }: DeviceAddress): string {
  // A zone means something on this computer only, and nothing in a URL.
  return `http://${formatDeviceAddress({ host: host.replace(/%.*$/, ''), port })}/`;
}
