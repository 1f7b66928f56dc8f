// A UDP socket for a multicast group on one interface, in either family. Bound to the interface: it hears what comes in
// there and nothing else, and works with whatever addresses the interface has. node:dgram cannot say where a packet
// came in, and wants an address of ours to find an interface by.

import { ipv4FromBytes, ipv4ToBytes } from '../../formats/ipv4-address.ts';
import { formatIpv6, ipv6ToBytes } from '../../formats/ipv6-address.ts';
import { RawSocket } from './raw-socket.ts';

export interface Peer {
  address: string;
  port: number;
  /** Where answers go: the sockaddr as it came. */
  socketAddress: Uint8Array;
}

export interface MulticastGroup {
  family: 'ipv4' | 'ipv6';
  address: string;
  port: number;
}

const AF = { ipv4: 2, ipv6: 10 } as const;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_BINDTODEVICE = 25;
const IPPROTO_IP = 0;
const IP = {
  ttl: 2,
  multicastInterface: 32,
  multicastTtl: 33,
  multicastLoop: 34,
  addMembership: 35,
} as const;
const IPPROTO_IPV6 = 41;
const IPV6 = {
  unicastHops: 16,
  multicastInterface: 17,
  multicastHops: 18,
  multicastLoop: 19,
  joinGroup: 20,
  v6Only: 26,
} as const;
const MAX_HOPS = 255;
/** RFC 6762 section 17: 9000 bytes with all headers. */
const MAX_MESSAGE_LENGTH = 9000;

export class MulticastSocket {
  readonly #socket: RawSocket;
  readonly #group: MulticastGroup;
  readonly #groupAddress: Uint8Array;

  constructor(link: { name: string; index: number }, group: MulticastGroup) {
    this.#group = group;
    this.#socket = new RawSocket(AF[group.family], SOCK_DGRAM, 0, MAX_MESSAGE_LENGTH);
    try {
      this.#socket.setOption(SOL_SOCKET, SO_REUSEADDR, int32(1));
      this.#socket.setOption(SOL_SOCKET, SO_BINDTODEVICE, new TextEncoder().encode(`${link.name}\0`));
      if (group.family === 'ipv4') this.#joinIpv4(link.index);
      else this.#joinIpv6(link.index);
      this.#groupAddress = socketAddress(group, link.index);
      const anyAddress = group.family === 'ipv4' ? '0.0.0.0' : '::';
      this.#socket.bind(socketAddress({ ...group, address: anyAddress }, 0));
    } catch (error) {
      this.#socket.close();
      throw error;
    }
  }

  /** To the group, or to one peer. Throws when there is no way, as while the interface has no address. */
  send(bytes: Uint8Array, to?: Peer): void {
    this.#socket.send(bytes, to?.socketAddress ?? this.#groupAddress);
  }

  listen(onMessage: (bytes: Uint8Array, from: Peer) => void): void {
    this.#socket.listen(
      (bytes) => onMessage(bytes, this.#readPeer(this.#socket.source)),
      // ENETDOWN and the like: the interface is gone or down, which netlink tells as well.
      () => {},
    );
  }

  close(): void {
    this.#socket.close();
  }

  #joinIpv4(linkIndex: number): void {
    const request = new Uint8Array(12); // struct ip_mreqn
    request.set(ipv4ToBytes(this.#group.address)); // 0  4  imr_multiaddr; 4 4 imr_address: any
    request.set(int32(linkIndex), 8); //              8  4  imr_ifindex
    this.#socket.setOption(IPPROTO_IP, IP.addMembership, request);
    this.#socket.setOption(IPPROTO_IP, IP.multicastInterface, request);
    this.#socket.setOption(IPPROTO_IP, IP.multicastTtl, int32(MAX_HOPS));
    this.#socket.setOption(IPPROTO_IP, IP.ttl, int32(MAX_HOPS));
    this.#socket.setOption(IPPROTO_IP, IP.multicastLoop, int32(0));
  }

  #joinIpv6(linkIndex: number): void {
    const request = new Uint8Array(20); // struct ipv6_mreq
    request.set(ipv6ToBytes(this.#group.address)); // 0  16  ipv6mr_multiaddr
    request.set(int32(linkIndex), 16); //            16   4  ipv6mr_interface
    this.#socket.setOption(IPPROTO_IPV6, IPV6.v6Only, int32(1));
    this.#socket.setOption(IPPROTO_IPV6, IPV6.joinGroup, request);
    this.#socket.setOption(IPPROTO_IPV6, IPV6.multicastInterface, int32(linkIndex));
    this.#socket.setOption(IPPROTO_IPV6, IPV6.multicastHops, int32(MAX_HOPS));
    this.#socket.setOption(IPPROTO_IPV6, IPV6.unicastHops, int32(MAX_HOPS));
    this.#socket.setOption(IPPROTO_IPV6, IPV6.multicastLoop, int32(0));
  }

  #readPeer(source: Uint8Array): Peer {
    const port = ((source[2] ?? 0) << 8) | (source[3] ?? 0);
    return this.#group.family === 'ipv4'
      ? { address: ipv4FromBytes(source, 4), port, socketAddress: source.slice(0, 16) }
      : { address: formatIpv6(source.subarray(8, 24)), port, socketAddress: source.slice(0, 28) };
  }
}

/** struct sockaddr_in or sockaddr_in6 */
function socketAddress({ family, address, port }: MulticastGroup, linkIndex: number): Uint8Array {
  const bytes = new Uint8Array(family === 'ipv4' ? 16 : 28);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF[family], true); //                      0   2  sin_family
  view.setUint16(2, port); //                                  2   2  sin_port
  if (family === 'ipv4') {
    bytes.set(ipv4ToBytes(address), 4); //                     4   4  sin_addr
    return bytes;
  }
  bytes.set(ipv6ToBytes(address), 8); //                       8  16  sin6_addr, after sin6_flowinfo
  view.setUint32(24, linkIndex, true); //                     24   4  sin6_scope_id
  return bytes;
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
