// rtnetlink and generic netlink: requests that the kernel answers at once, and a socket for announcements of the former.
// netlink(7), rtnetlink(7).

import {
  decodeNetlink,
  decodeNetlinkError,
  encodeNetlink,
  NETLINK_FLAG,
  NETLINK_TYPE,
  type NetlinkMessage,
} from '../../formats/netlink-message.ts';
import { libcError } from './libc.ts';
import { RawSocket } from './raw-socket.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const NETLINK_GENERIC = 16;
/** The kernel sends dumps in pieces of up to 32 KiB to a reader that has room for them. */
const MAX_MESSAGE_LENGTH = 32_768;

// Groups of announcements, as bits: RTMGRP_LINK, RTMGRP_IPV4_IFADDR, RTMGRP_IPV6_IFADDR, and RTNLGRP_ND_USEROPT (20).
const GROUPS = 0x1 | 0x10 | 0x100 | (1 << 19);

export class NetlinkSocket {
  readonly #socket: RawSocket;
  #sequence = 0;

  constructor(family: 'route' | 'generic' = 'route') {
    const protocol = family === 'route' ? NETLINK_ROUTE : NETLINK_GENERIC;
    this.#socket = RawSocket.open([AF_NETLINK, SOCK_RAW, protocol, MAX_MESSAGE_LENGTH], (socket) =>
      socket.bind(socketAddress(0)),
    );
  }

  close(): void {
    this.#socket.close();
  }

  /** Throws the errno that the kernel answers with. The kernel works while we send: nothing to wait for. */
  change(type: number, flags: number, payload: Uint8Array): void {
    const sequence = this.#send(type, NETLINK_FLAG.request | NETLINK_FLAG.ack | flags, payload);
    for (const message of this.#answers(sequence)) {
      if (message.type !== NETLINK_TYPE.error) continue;
      const errno = decodeNetlinkError(message.payload);
      if (errno !== 0) throw libcError(`netlink request ${type}`, errno);
      return;
    }
    throw new Error(`Cannot make netlink request ${type}: the kernel did not answer`);
  }

  /** All objects that a get request names. */
  dump(type: number, payload: Uint8Array): NetlinkMessage[] {
    const sequence = this.#send(type, NETLINK_FLAG.request | NETLINK_FLAG.dump, payload);
    const found: NetlinkMessage[] = [];
    for (const message of this.#answers(sequence)) {
      if (message.type === NETLINK_TYPE.done) return found;
      if (message.type === NETLINK_TYPE.error) {
        throw libcError(`netlink request ${type}`, decodeNetlinkError(message.payload));
      }
      found.push({ ...message, payload: message.payload.slice() });
    }
    throw new Error(`Cannot make netlink request ${type}: the answer is cut off`);
  }

  #send(type: number, flags: number, payload: Uint8Array): number {
    this.#sequence += 1;
    this.#socket.send(encodeNetlink({ type, flags, sequence: this.#sequence, payload }), socketAddress(0));
    return this.#sequence;
  }

  *#answers(sequence: number): Generator<NetlinkMessage> {
    for (;;) {
      const bytes = this.#socket.receive();
      if (bytes === undefined) return;
      // Left-overs of an earlier request that was given up have another number.
      for (const message of decodeNetlink(bytes)) if (message.sequence === sequence) yield message;
    }
  }
}

/**
 * Links and addresses that come, change and go; DNS options of router advertisements.
 * `onOverflow`: announcements were lost because too many came at once; look at everything anew.
 */
export function listenToNetlink(onMessage: (message: NetlinkMessage) => void, onOverflow: () => void): void {
  const socket = new RawSocket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE, MAX_MESSAGE_LENGTH);
  socket.bind(socketAddress(GROUPS));
  socket.listen((bytes) => {
    for (const message of decodeNetlink(bytes)) onMessage(message);
  }, onOverflow);
}

/** struct sockaddr_nl */
function socketAddress(groups: number): Uint8Array {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_NETLINK, true); //  0  2  nl_family, 2 2 pad, 4 4 nl_pid: the kernel's, or chosen by it
  view.setUint32(8, groups, true); //      8  4  nl_groups
  return bytes;
}
