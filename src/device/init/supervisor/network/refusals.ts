// What the programs refuse is told to init through one queue of the kernel's, so that it can say so in the log of the
// app. The queue drops its oldest when it is full: an app that is refused all the time costs no more. Pure.

import { formatIpv6 } from '../../../../formats/ipv6-address.ts';
import {
  addConstant,
  call,
  copyRegister,
  FRAME,
  loadMap,
  loadWord,
  setConstant,
  storeConstant,
  storeWord,
  type Register,
  type Step,
} from '../../../../formats/ebpf.ts';

/** Offsets in struct bpf_sock_addr (linux/bpf.h), which a program is given the address of. */
export const SOCKET_ADDRESS = { ip4: 4, ip6: 8, port: 24, family: 28, type: 32 } as const;
/** SOCK_STREAM and SOCK_DGRAM: of the internet's families we have no others with ports. */
export const SOCKET_TYPES = { tcp: 1, udp: 2 } as const;

/** linux/bpf.h */
const MAP_PUSH_ELEM = 87;
/** Flag of the queue: the oldest makes room. */
const BPF_EXIST = 2;

const ACTS = ['bind', 'send'] as const;
export type RefusedAct = (typeof ACTS)[number];

/** Where an app's programs put what they refuse. */
export interface RefusalQueue {
  map: number;
  /** Number by which init knows the app. */
  app: number;
}

export interface NetworkRefusal {
  app: number;
  act: RefusedAct;
  protocol: 'tcp' | 'udp';
  port: number;
  /** Where to; null for a port of the app's own. */
  address: string | null;
}

//  0   4  app
//  4   4  act
//  8   4  type of the socket
// 12   4  port
// 16  16  address, IPv4 as ::ffff:a.b.c.d
export const REFUSAL_BYTES = 32;
const ADDRESS_OFFSET = 16;

/** `context` and `port` are registers that calls do not change. `address`: offset of it from FRAME. */
export function reportRefusal(
  act: RefusedAct,
  { map, app }: RefusalQueue,
  { context, port, address }: { context: Register; port: Register; address?: number },
): Step[] {
  const at = (offset: number): number => offset - REFUSAL_BYTES;
  return [
    storeConstant(FRAME, at(0), app),
    storeConstant(FRAME, at(4), ACTS.indexOf(act)),
    loadWord(2, context, SOCKET_ADDRESS.type),
    storeWord(FRAME, at(8), 2),
    storeWord(FRAME, at(12), port),
    ...[0, 4, 8, 12].flatMap((part) => [
      ...(address === undefined ? [setConstant(2, 0)] : [loadWord(2, FRAME, address + part)]),
      storeWord(FRAME, at(ADDRESS_OFFSET + part), 2),
    ]),
    loadMap(1, map),
    copyRegister(2, FRAME),
    addConstant(2, -REFUSAL_BYTES),
    setConstant(3, BPF_EXIST),
    call(MAP_PUSH_ELEM),
  ];
}

export function parseNetworkRefusal(bytes: Uint8Array): NetworkRefusal {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const act = ACTS[view.getUint32(4, true)] ?? 'send';
  return {
    app: view.getUint32(0, true),
    act,
    protocol: view.getUint32(8, true) === SOCKET_TYPES.udp ? 'udp' : 'tcp',
    port: view.getUint32(12, true),
    address: act === 'bind' ? null : formatAddress(bytes.subarray(ADDRESS_OFFSET, REFUSAL_BYTES)),
  };
}

function formatAddress(bytes: Uint8Array): string {
  const text = formatIpv6(bytes);
  return text.startsWith('::ffff:') ? bytes.subarray(12).join('.') : text;
}
