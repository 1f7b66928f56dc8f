// Time servers as people write them: `pool.ntp.org`, `192.168.1.1`, `10.0.2.2:1123`, `fd00::1`, `[fd00::1]:1123`.

import { isIpv4Address } from '../../formats/ipv4-address.ts';
import { isIpv6Address } from '../../formats/ipv6-address.ts';
import { NTP_PORT } from '../../formats/ntp-packet.ts';

export interface TimeServerAddress {
  /** Name or IP address. */
  host: string;
  port: number;
}

/** RFC 1123 section 2.1, with a last label that is no number: it would be a mistyped IP address. */
const HOST_NAME =
  /^(?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*(?!\d+$)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const WITH_PORT = /^(?:\[(?<ipv6>[^[\]]+)\]|(?<host>[^:[\]]+))(?::(?<port>[1-9]\d{0,4}))?$/;

/** `undefined` when it is none. */
export function parseTimeServer(text: string): TimeServerAddress | undefined {
  if (isIpv6Address(text)) return { host: text, port: NTP_PORT };
  const { ipv6, host, port } = WITH_PORT.exec(text)?.groups ?? {};
  const number = port === undefined ? NTP_PORT : Number(port);
  if (number > 65_535) return undefined;
  if (ipv6 !== undefined) return isIpv6Address(ipv6) ? { host: ipv6, port: number } : undefined;
  if (host === undefined || (!isIpv4Address(host) && !HOST_NAME.test(host))) return undefined;
  return { host, port: number };
}
