// Asks the routers of a link to advertise themselves at once (RFC 4861 section 4.1): one ICMPv6 message. What they answer
// is the kernel's.

import { AF, encodeInternetAddress } from './internet-address.ts';
import { RawSocket } from './raw-socket.ts';

const SOCK_RAW = 3;
const IPPROTO_IPV6 = 41;
const IPPROTO_ICMPV6 = 58;
const IPV6_MULTICAST_HOPS = 18;
const ROUTER_SOLICITATION = 133;
const SOURCE_LINK_ADDRESS = 1;
const ALL_ROUTERS = { family: 'ipv6', address: 'ff02::2', port: 0 } as const;

/** Throws when there is no way, as while the interface has no address that is known to be its own. */
export function solicitRouters(link: { name: string; index: number; mac: Uint8Array }): void {
  const socket = new RawSocket(AF.ipv6, SOCK_RAW, IPPROTO_ICMPV6);
  try {
    socket.bindToInterface(link.name);
    // Routers drop what may have come through another router.
    socket.setOption(IPPROTO_IPV6, IPV6_MULTICAST_HOPS, Uint8Array.of(255, 0, 0, 0));
    socket.send(solicitation(link.mac), encodeInternetAddress(ALL_ROUTERS, link.index));
  } finally {
    socket.close();
  }
}

function solicitation(mac: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(16);
  bytes[0] = ROUTER_SOLICITATION; //  0  1  type; 1 1 code, 2 2 checksum: the kernel's, 4 4 reserved
  bytes[8] = SOURCE_LINK_ADDRESS; //  8  1  option
  bytes[9] = 1; //                    9  1  its length in units of 8 bytes
  bytes.set(mac, 10); //             10  6  link-layer address
  return bytes;
}
