// The programs that keep an app to the networks of its `network` setting. Two ask before a connection or a datagram
// leaves (connect, sendmsg), so that the app is told at once; two judge each packet, which is what holds whatever the
// app does. Pure.

import {
  addConstant,
  assemble,
  call,
  copyRegister,
  exit,
  FRAME,
  jump,
  jumpIf,
  jumpIfNull,
  label,
  loadMap,
  loadPointer,
  loadWord,
  setConstant,
  storeConstant,
  storeWord,
  swap16,
  type Register,
  type Step,
} from '../../../../formats/ebpf.ts';
import { MAPPED_PREFIX_WORD, PREFIX_KEY_BYTES } from './prefixes.ts';
import { REFUSAL_BYTES, reportRefusal, SOCKET_ADDRESS, type RefusalQueue } from './refusals.ts';

export type Direction = 'ingress' | 'egress';

/** Helpers of the kernel (linux/bpf.h). */
const MAP_LOOKUP_ELEM = 1;
const SKB_LOAD_BYTES = 26;
/** struct __sk_buff (linux/bpf.h): EtherType in network order, interface, socket. */
const PACKET = { protocol: 16, interfaceIndex: 40, socket: 168 } as const;
const SOCKET_STATE = 72;
const TCP_LISTEN = 10;
/** 0x0800 and 0x86dd as a little-endian processor reads them. */
const ETHERTYPE = { ipv4: 0x0008, ipv6: 0xdd86 } as const;
/** Of the IP header: the address of the other side. */
const REMOTE_OFFSET = {
  ipv4: { ingress: 12, egress: 16 },
  ipv6: { ingress: 8, egress: 24 },
} as const;
/** Linux gives the loopback interface this number in each network namespace. */
const LOOPBACK_INDEX = 1;
const DNS_PORT = 53;

/** What an address in `lan` may be used for; absent: nothing. */
export const REACH = { everything: 1, dns: 2 } as const;

const CONTEXT: Register = 6;
const PORT: Register = 7;

const KEY = -REFUSAL_BYTES - PREFIX_KEY_BYTES;
const KEY_ADDRESS = KEY + 4;

/** `local`: prefixes of the device itself, which an app with `outbound` has nothing to do with. */
export function outboundConnectProgram(
  family: 'ipv4' | 'ipv6',
  local: number,
  refusals: RefusalQueue,
): Uint8Array<ArrayBuffer> {
  return assemble([...lookUpDestination(family, local), jumpIfNull(0, 'allow'), ...verdicts(refusals)]);
}

/** `lan`: prefixes that may be reached, each with a value of REACH. */
export function lanConnectProgram(
  family: 'ipv4' | 'ipv6',
  lan: number,
  refusals: RefusalQueue,
): Uint8Array<ArrayBuffer> {
  return assemble([
    ...lookUpDestination(family, lan),
    jumpIfNull(0, 'refuse'),
    loadWord(1, 0, 0),
    jumpIf(1, '==', REACH.everything, 'allow'),
    jumpIf(PORT, '==', DNS_PORT, 'allow'),
    label('refuse'),
    ...verdicts(refusals),
  ]);
}

/** Nothing through the loopback interface, by which a device reaches all its own addresses; and nobody gets in. */
export function outboundPacketProgram(direction: Direction): Uint8Array<ArrayBuffer> {
  const refuseIfListening: readonly Step[] = [
    loadPointer(2, 1, PACKET.socket),
    jumpIfNull(2, 'allow'),
    loadWord(3, 2, SOCKET_STATE),
    jumpIf(3, '==', TCP_LISTEN, 'drop'),
  ];
  return assemble([
    loadWord(2, 1, PACKET.interfaceIndex),
    jumpIf(2, '==', LOOPBACK_INDEX, 'drop'),
    ...(direction === 'ingress' ? refuseIfListening : []),
    label('allow'),
    setConstant(0, 1),
    exit(),
    label('drop'),
    setConstant(0, 0),
    exit(),
  ]);
}

export function lanPacketProgram(direction: Direction, lan: number): Uint8Array<ArrayBuffer> {
  return assemble([
    copyRegister(CONTEXT, 1),
    loadWord(2, CONTEXT, PACKET.protocol),
    jumpIf(2, '==', ETHERTYPE.ipv6, 'ipv6'),
    jumpIf(2, '!=', ETHERTYPE.ipv4, 'drop'),
    ...startMapped(),
    ...loadPacketBytes(REMOTE_OFFSET.ipv4[direction], KEY_ADDRESS + 12, 4),
    jump('look up'),
    label('ipv6'),
    ...loadPacketBytes(REMOTE_OFFSET.ipv6[direction], KEY_ADDRESS, 16),
    label('look up'),
    jumpIf(0, '!=', 0, 'drop'),
    ...lookUpKey(lan),
    jumpIfNull(0, 'drop'),
    setConstant(0, 1),
    exit(),
    label('drop'),
    setConstant(0, 0),
    exit(),
  ]);
}

/** The hook of socket(2): no socket of the internet's families at all. */
export function noSocketProgram(): Uint8Array<ArrayBuffer> {
  return assemble([setConstant(0, 0), exit()]);
}

/** Leaves the value's address in register 0, null where no prefix fits. */
function lookUpDestination(family: 'ipv4' | 'ipv6', prefixes: number): Step[] {
  const parts =
    family === 'ipv4' ? [SOCKET_ADDRESS.ip4] : [0, 4, 8, 12].map((part) => SOCKET_ADDRESS.ip6 + part);
  const first = KEY_ADDRESS + 16 - 4 * parts.length;
  return [
    copyRegister(CONTEXT, 1),
    loadWord(PORT, CONTEXT, SOCKET_ADDRESS.port),
    swap16(PORT),
    ...(family === 'ipv4' ? startMapped() : []),
    ...parts.flatMap((part, index) => [loadWord(2, CONTEXT, part), storeWord(FRAME, first + 4 * index, 2)]),
    ...lookUpKey(prefixes),
  ];
}

/** The part of an IPv4 address's IPv6 form that is always the same. */
function startMapped(): Step[] {
  return [
    storeConstant(FRAME, KEY_ADDRESS, 0),
    storeConstant(FRAME, KEY_ADDRESS + 4, 0),
    storeConstant(FRAME, KEY_ADDRESS + 8, MAPPED_PREFIX_WORD),
  ];
}

function lookUpKey(prefixes: number): Step[] {
  return [
    storeConstant(FRAME, KEY, 128),
    loadMap(1, prefixes),
    copyRegister(2, FRAME),
    addConstant(2, KEY),
    call(MAP_LOOKUP_ELEM),
  ];
}

function loadPacketBytes(offset: number, to: number, length: number): Step[] {
  return [
    copyRegister(1, CONTEXT),
    setConstant(2, offset),
    copyRegister(3, FRAME),
    addConstant(3, to),
    setConstant(4, length),
    call(SKB_LOAD_BYTES),
  ];
}

function verdicts(refusals: RefusalQueue): Step[] {
  return [
    ...reportRefusal('send', refusals, { context: CONTEXT, port: PORT, address: KEY_ADDRESS }),
    setConstant(0, 0),
    exit(),
    label('allow'),
    setConstant(0, 1),
    exit(),
  ];
}
