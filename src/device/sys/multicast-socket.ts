// UDP with a multicast group on one interface, in either family. Bound to the interface: it hears what comes in there and
// nothing else, and works with whatever addresses the interface has. node:dgram cannot say where a packet came in, and
// wants an address of ours to find an interface by. Two sockets, because recvfrom(2) does not tell to whom a packet went.

import { ipv4FromBytes, ipv4ToBytes } from '../../formats/ipv4-address.ts';
import { formatIpv6, ipv6ToBytes } from '../../formats/ipv6-address.ts';
import { AF, encodeInternetAddress, type InternetAddress } from './internet-address.ts';
import type { FilterStep } from '../../formats/classic-bpf.ts';
import { DROP, KEEP_ALL, RawSocket } from './raw-socket.ts';

export interface Peer {
  address: string;
  port: number;
  /** The sockaddr as it came, to which answers go. */
  socketAddress: Uint8Array;
}

export type MulticastGroup = InternetAddress;

const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
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

/** What a filter adds to an offset to count it from the IP header: SKF_NET_OFF in linux/filter.h. */
const IP_HEADER = 0xfff0_0000;
const LOAD_BYTE = 0x30;
const JUMP_IF_AT_LEAST = 0x35;
/** Multicast is known by the first byte of the destination address, which is at 16 in IPv4 and at 24 in IPv6. */
const UNICAST_ONLY: Readonly<Record<MulticastGroup['family'], readonly FilterStep[]>> = {
  ipv4: [[LOAD_BYTE, 0, 0, IP_HEADER + 16], [JUMP_IF_AT_LEAST, 0, 1, 0xe0], DROP, KEEP_ALL],
  ipv6: [[LOAD_BYTE, 0, 0, IP_HEADER + 24], [JUMP_IF_AT_LEAST, 0, 1, 0xff], DROP, KEEP_ALL],
};

export class MulticastSocket {
  readonly #group: MulticastGroup;
  readonly #groupAddress: Uint8Array;
  /** Takes what goes to the group. */
  readonly #groupSocket: RawSocket;
  /** Takes what goes to the device alone, and sends. */
  readonly #ownSocket: RawSocket;

  constructor(link: { name: string; index: number }, group: MulticastGroup) {
    const { family, port } = group;
    this.#group = group;
    this.#groupAddress = encodeInternetAddress(group, link.index);
    this.#groupSocket = openSocket(link, family, (socket) => {
      if (family === 'ipv4') joinIpv4(socket, link.index, group.address);
      else joinIpv6(socket, link.index, group.address);
      socket.bind(this.#groupAddress);
    });
    try {
      this.#ownSocket = openSocket(link, family, (socket) => {
        if (family === 'ipv4') sendByIpv4(socket, link.index);
        else sendByIpv6(socket, link.index);
        socket.attachFilter(UNICAST_ONLY[family]);
        const anyAddress = family === 'ipv4' ? '0.0.0.0' : '::';
        socket.bind(encodeInternetAddress({ family, address: anyAddress, port }));
      });
    } catch (error) {
      this.#groupSocket.close();
      throw error;
    }
  }

  /** Sends to the group, or to one peer. Throws when there is no way, as while the interface has no address. */
  send(bytes: Uint8Array, to?: Peer): void {
    this.#ownSocket.send(bytes, to?.socketAddress ?? this.#groupAddress);
  }

  /** `isToGroup`: it went to the group, and so it was sent on this link. */
  listen(onMessage: (bytes: Uint8Array, from: Peer, isToGroup: boolean) => void): void {
    for (const socket of [this.#groupSocket, this.#ownSocket]) {
      socket.listen(
        (bytes) => onMessage(bytes, this.#readPeer(socket.source), socket === this.#groupSocket),
        // ENETDOWN and the like: the interface is gone or down, which netlink tells as well.
        () => {},
      );
    }
  }

  close(): void {
    this.#groupSocket.close();
    this.#ownSocket.close();
  }

  #readPeer(source: Uint8Array): Peer {
    const port = ((source[2] ?? 0) << 8) | (source[3] ?? 0);
    return this.#group.family === 'ipv4'
      ? { address: ipv4FromBytes(source, 4), port, socketAddress: source.slice(0, 16) }
      : { address: formatIpv6(source.subarray(8, 24)), port, socketAddress: source.slice(0, 28) };
  }
}

function openSocket(
  link: { name: string },
  family: MulticastGroup['family'],
  setUp: (socket: RawSocket) => void,
): RawSocket {
  return RawSocket.open([AF[family], SOCK_DGRAM, 0, MAX_MESSAGE_LENGTH], (socket) => {
    socket.setOption(SOL_SOCKET, SO_REUSEADDR, int32(1));
    socket.bindToInterface(link.name);
    if (family === 'ipv6') socket.setOption(IPPROTO_IPV6, IPV6.v6Only, int32(1));
    setUp(socket);
  });
}

function joinIpv4(socket: RawSocket, linkIndex: number, group: string): void {
  const request = new Uint8Array(12); // struct ip_mreqn
  request.set(ipv4ToBytes(group)); //    0  4  imr_multiaddr; 4 4 imr_address: any
  request.set(int32(linkIndex), 8); //   8  4  imr_ifindex
  socket.setOption(IPPROTO_IP, IP.addMembership, request);
}

function joinIpv6(socket: RawSocket, linkIndex: number, group: string): void {
  const request = new Uint8Array(20); // struct ipv6_mreq
  request.set(ipv6ToBytes(group)); //    0  16  ipv6mr_multiaddr
  request.set(int32(linkIndex), 16); // 16   4  ipv6mr_interface
  socket.setOption(IPPROTO_IPV6, IPV6.joinGroup, request);
}

function sendByIpv4(socket: RawSocket, linkIndex: number): void {
  const request = new Uint8Array(12); // struct ip_mreqn, of which the interface counts
  request.set(int32(linkIndex), 8);
  socket.setOption(IPPROTO_IP, IP.multicastInterface, request);
  socket.setOption(IPPROTO_IP, IP.multicastTtl, int32(MAX_HOPS));
  socket.setOption(IPPROTO_IP, IP.ttl, int32(MAX_HOPS));
  socket.setOption(IPPROTO_IP, IP.multicastLoop, int32(0));
}

function sendByIpv6(socket: RawSocket, linkIndex: number): void {
  socket.setOption(IPPROTO_IPV6, IPV6.multicastInterface, int32(linkIndex));
  socket.setOption(IPPROTO_IPV6, IPV6.multicastHops, int32(MAX_HOPS));
  socket.setOption(IPPROTO_IPV6, IPV6.unicastHops, int32(MAX_HOPS));
  socket.setOption(IPPROTO_IPV6, IPV6.multicastLoop, int32(0));
}

function int32(value: number): Uint8Array {
  return new Uint8Array(Int32Array.of(value).buffer);
}
