// AF_PACKET sockets of one interface, below IP: they send and receive while the interface has no address.
// packet(7); the kernel adds and removes the Ethernet header (SOCK_DGRAM). Each has a BPF filter, so that a busy
// network does not wake this process.

import { DHCP_CLIENT_PORT } from '../../formats/dhcp-packet.ts';
import { ipv4ToNumber } from '../../formats/ipv4-address.ts';
import type { FilterStep } from '../../formats/classic-bpf.ts';
import { DROP, KEEP_ALL, RawSocket } from './raw-socket.ts';

const AF_PACKET = 17;
const SOCK_DGRAM = 2;
const ETH_P_IP = 0x0800;
const ETH_P_ARP = 0x0806;
const BROADCAST_MAC = Uint8Array.of(255, 255, 255, 255, 255, 255);

// Classic BPF (linux/filter.h): load from the packet, jump, return how many bytes to keep.
const LOAD_BYTE = 0x30;
const LOAD_HALF = 0x28;
const LOAD_WORD = 0x20;
const LOAD_HALF_AT_X = 0x48;
const LOAD_X_IP_HEADER_LENGTH = 0xb1;
const JUMP_IF_EQUAL = 0x15;
const JUMP_IF_ANY_BIT = 0x45;

export class PacketSocket {
  readonly #socket: RawSocket;
  readonly #linkIndex: number;
  readonly #protocol: number;

  constructor(linkIndex: number, protocol: number, filter: readonly FilterStep[]) {
    this.#linkIndex = linkIndex;
    this.#protocol = protocol;
    // Protocol 0 receives nothing, so no packet slips in before filter and interface are set.
    this.#socket = RawSocket.open([AF_PACKET, SOCK_DGRAM, 0], (socket) => {
      socket.attachFilter(filter);
      socket.bind(this.#address());
    });
  }

  broadcast(bytes: Uint8Array): void {
    this.#socket.send(bytes, this.#address(BROADCAST_MAC));
  }

  listen(onPacket: (bytes: Uint8Array) => void): void {
    // ENETDOWN and the like: the interface is gone or down, which netlink tells as well.
    this.#socket.listen(onPacket, () => {});
  }

  close(): void {
    this.#socket.close();
  }

  /** struct sockaddr_ll */
  #address(mac?: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(20);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, AF_PACKET, true); //       0  2  sll_family
    view.setUint16(2, this.#protocol); //        2  2  sll_protocol, big-endian
    view.setInt32(4, this.#linkIndex, true); //  4  4  sll_ifindex
    //                                           8  2  sll_hatype, 10 1 sll_pkttype
    if (mac !== undefined) {
      bytes[11] = mac.length; //                11  1  sll_halen
      bytes.set(mac, 12); //                    12  8  sll_addr
    }
    return bytes;
  }
}

/** IPv4 packets to the DHCP client's port. */
export function openDhcpSocket(linkIndex: number): PacketSocket {
  return new PacketSocket(linkIndex, ETH_P_IP, dhcpFilter());
}

/** ARP packets by which a host other than `mac` claims `address`, or probes for it (RFC 5227 sections 2.1.1, 2.4). */
export function openConflictSocket(linkIndex: number, mac: Uint8Array, address: string): PacketSocket {
  return new PacketSocket(linkIndex, ETH_P_ARP, conflictFilter(mac, address));
}

export function dhcpFilter(): FilterStep[] {
  return [
    [LOAD_BYTE, 0, 0, 9], //                 protocol
    [JUMP_IF_EQUAL, 0, 5, 17], //            UDP, else drop
    [LOAD_HALF, 0, 0, 6], //                 fragment
    [JUMP_IF_ANY_BIT, 3, 0, 0x1fff], //      not the first one: drop
    [LOAD_X_IP_HEADER_LENGTH, 0, 0, 0],
    [LOAD_HALF_AT_X, 0, 0, 2], //            destination port
    [JUMP_IF_EQUAL, 1, 0, DHCP_CLIENT_PORT],
    DROP,
    KEEP_ALL,
  ];
}

export function conflictFilter(mac: Uint8Array, address: string): FilterStep[] {
  const value = ipv4ToNumber(address);
  const macView = new DataView(mac.buffer, mac.byteOffset, mac.byteLength);
  return [
    [LOAD_WORD, 0, 0, 14], //                sender's address
    [JUMP_IF_EQUAL, 3, 0, value], //         ours: look at the sender's MAC
    [JUMP_IF_EQUAL, 0, 6, 0], //             none, as in a probe: else drop
    [LOAD_WORD, 0, 0, 24], //                address asked for
    [JUMP_IF_EQUAL, 0, 4, value], //         not ours: drop
    [LOAD_WORD, 0, 0, 8], //                 sender's MAC
    [JUMP_IF_EQUAL, 0, 3, macView.getUint32(0)],
    [LOAD_HALF, 0, 0, 12],
    [JUMP_IF_EQUAL, 0, 1, macView.getUint16(4)], // it is us: drop
    DROP,
    KEEP_ALL,
  ];
}
