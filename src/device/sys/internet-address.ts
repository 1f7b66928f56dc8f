// Where a UDP packet goes to or comes from, as the kernel has it (ip(7), ipv6(7)).

import { ipv4ToBytes } from '../../formats/ipv4-address.ts';
import { ipv6ToBytes } from '../../formats/ipv6-address.ts';

export const AF = { ipv4: 2, ipv6: 10 } as const;

export interface InternetAddress {
  family: 'ipv4' | 'ipv6';
  address: string;
  port: number;
}

/** struct sockaddr_in or sockaddr_in6. `linkIndex`: where a link-local address or a group is. */
export function encodeInternetAddress({ family, address, port }: InternetAddress, linkIndex = 0): Uint8Array {
  const bytes = new Uint8Array(family === 'ipv4' ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF[family], true); //  0   2  sin_family
  view.setUint16(2, port); //              2   2  sin_port
  if (family === 'ipv4') {
    bytes.set(ipv4ToBytes(address), 4); // 4   4  sin_addr
    return bytes;
  }
  bytes.set(ipv6ToBytes(address), 8); //   8  16  sin6_addr, after sin6_flowinfo
  view.setUint32(24, linkIndex, true); // 24   4  sin6_scope_id
  return bytes;
}
