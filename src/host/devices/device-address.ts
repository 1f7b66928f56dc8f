// Where a device's web server is: an address that was given, or that was found.

import { isIPv6 } from 'node:net';
import { UserError } from '../user-error.ts';

export interface DeviceAddress {
  /** Name or address, without brackets; of a link-local address with its zone. */
  host: string;
  port: number;
  /** In clear without. */
  tls: boolean;
  /** Of one with TLS: where the same device may speak in clear. */
  plainPort?: number;
}

/** `HOST`, `HOST:PORT`, `[IPV6]`, `[IPV6]:PORT`, or an IPv6 address bare; a URL as `tsk vm run` prints it. */
export function parseHost(text: string): { host: string; port: number | undefined } {
  const bare = text
    .trim()
    .replace(/^https?:\/\//i, '')
    .replace(/\/$/, '');
  if (isIPv6(bare)) return { host: bare, port: undefined };
  const match = /^(?:\[([^\]]+)\]|([^\s:/[\]]+))(?::(\d{1,5}))?$/.exec(bare);
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? undefined : Number(match[3]);
  const isPort = port === undefined || (port >= 1 && port <= 65535);
  if (host === undefined || (match?.[1] !== undefined && !isIPv6(host)) || !isPort) {
    throw new UserError(`Cannot use "${text}" as a host: it is not a name or an address`, {
      hint: 'Give --host NAME, --host ADDRESS or --host ADDRESS:PORT, such as --host 192.168.1.20.',
    });
  }
  return { host, port };
}

export function formatDeviceAddress({ host, port, tls }: DeviceAddress): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === (tls ? 443 : 80) ? name : `${name}:${port}`;
}

/** For a person's browser: by the forward of a virtual machine, the page is there without a certificate to warn of. */
export function pageUrl(foundBy: string, address: DeviceAddress): string {
  const { host, plainPort } = address;
  const isMachine = foundBy === 'virtual machine' && plainPort !== undefined;
  return deviceUrl(isMachine ? { host, port: plainPort, tls: false } : address);
}

export function deviceUrl({ host, port, tls }: DeviceAddress): string {
  // A zone means something on this computer only, and nothing in a URL.
  const address = formatDeviceAddress({ host: host.replace(/%.*$/, ''), port, tls });
  return `${tls ? 'https' : 'http'}://${address}/`;
}
