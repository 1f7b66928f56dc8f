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
/** struct bpf_sock. */
const SOCKET = { port: 44, state: 72 } as const;
const TCP_LISTEN = 10;
/** 0x0800 and 0x86dd as a little-endian processor reads them. */
const ETHERTYPE = { ipv4: 0x0008, ipv6: 0xdd86 } as const;
/** Of the IP header. */
const SOURCE_OFFSET = { ipv4: 12, ipv6: 8 } as const;
const DESTINATION_OFFSET = { ipv4: 16, ipv6: 24 } as const;
/** Linux gives the loopback interface this number in each network namespace. */
const LOOPBACK_INDEX = 1;
const PROTOCOL_OFFSET = 9;
const TCP = 6;
const DNS_PORT = 53;

/** What an address in `lan` may be used for; absent: nothing. */
export const REACH = { everything: 1, dns: 2 } as const;

const CONTEXT: Register = 6;
const PORT: Register = 7;

const KEY = -REFUSAL_BYTES - PREFIX_KEY_BYTES;
const KEY_ADDRESS = KEY + 4;

/** `local`: what an app with `outbound` has nothing to do with: the device itself, and everybody at once. */
export function outboundConnectProgram(
  family: 'ipv4' | 'ipv6',
  local: number,
  refusals: RefusalQueue,
): Uint8Array<ArrayBuffer> {
  return assemble([...lookUpDestination(family, local), jumpIfNull(0, 'allow'), ...verdicts(refusals)]);
}

/** Ports of the device itself that an app is kept from, and the map of the device's addresses. */
interface HiddenPorts {
  local: number;
  hidden: readonly number[];
}

/** Lets an app reach everybody, but for what is hidden from it. */
export function hidingConnectProgram(family: 'ipv4' | 'ipv6', ports: HiddenPorts): Uint8Array<ArrayBuffer> {
  return assemble([...hide(family, ports), setConstant(0, 1), exit()]);
}

/** `lan`: prefixes that may be reached, each with a value of REACH. */
export function lanConnectProgram(
  family: 'ipv4' | 'ipv6',
  { lan, ...ports }: HiddenPorts & { lan: number },
  refusals: RefusalQueue,
): Uint8Array<ArrayBuffer> {
  return assemble([
    ...(ports.hidden.length > 0 ? [...hide(family, ports), copyRegister(1, CONTEXT)] : []),
    ...lookUpDestination(family, lan),
    jumpIfNull(0, 'refuse'),
    loadWord(1, 0, 0),
    jumpIf(1, '==', REACH.everything, 'allow'),
    jumpIf(PORT, '==', DNS_PORT, 'allow'),
    label('refuse'),
    ...verdicts(refusals),
  ]);
}

/**
 * Nothing through the loopback interface, by which a device reaches all its own addresses, nor to `everybody`: of broadcasts
 * and what goes to groups the kernel gives a copy to the device itself, which is not seen to come from there. And nobody
 * gets in, but for connections to `inspector`, a port of the app's own on 127.0.0.1: who reaches it is a matter of the others'
 * programs.
 */
export function outboundPacketProgram(
  direction: Direction,
  everybody: number,
  inspector?: number,
): Uint8Array<ArrayBuffer> {
  const refuseIfListening: readonly Step[] = [
    loadPointer(2, CONTEXT, PACKET.socket),
    jumpIfNull(2, 'allow'),
    loadWord(3, 2, SOCKET.state),
    jumpIf(3, '==', TCP_LISTEN, 'drop'),
  ];
  return assemble([
    copyRegister(CONTEXT, 1),
    loadWord(2, CONTEXT, PACKET.interfaceIndex),
    jumpIf(2, '!=', LOOPBACK_INDEX, 'not loopback'),
    ...(inspector === undefined ? [] : allowInspector(inspector)),
    jump('drop'),
    label('not loopback'),
    ...lookUpInPacket(DESTINATION_OFFSET, everybody),
    jumpIf(0, '!=', 0, 'drop'),
    ...(direction === 'ingress' ? refuseIfListening : []),
    label('allow'),
    setConstant(0, 1),
    exit(),
    label('drop'),
    setConstant(0, 0),
    exit(),
  ]);
}

function allowInspector(port: number): Step[] {
  return [
    loadWord(2, CONTEXT, PACKET.protocol),
    jumpIf(2, '!=', ETHERTYPE.ipv4, 'drop'),
    storeConstant(FRAME, KEY_ADDRESS, 0),
    ...loadPacketBytes(PROTOCOL_OFFSET, KEY_ADDRESS, 1),
    loadWord(2, FRAME, KEY_ADDRESS),
    jumpIf(2, '!=', TCP, 'drop'),
    loadPointer(2, CONTEXT, PACKET.socket),
    jumpIfNull(2, 'drop'),
    loadWord(3, 2, SOCKET.port),
    jumpIf(3, '==', port, 'allow'),
  ];
}

export function lanPacketProgram(direction: Direction, lan: number): Uint8Array<ArrayBuffer> {
  return assemble([
    copyRegister(CONTEXT, 1),
    // Of the other side.
    ...lookUpInPacket(direction === 'ingress' ? SOURCE_OFFSET : DESTINATION_OFFSET, lan),
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

/** Refuses what goes to a hidden port, without a word to anybody: the port is nobody's to ask for. */
function hide(family: 'ipv4' | 'ipv6', { local, hidden }: HiddenPorts): Step[] {
  return [
    ...lookUpDestination(family, local),
    jumpIfNull(0, 'not hidden'),
    ...hidden.map((port) => jumpIf(PORT, '==', port, 'hidden')),
    jump('not hidden'),
    label('hidden'),
    setConstant(0, 0),
    exit(),
    label('not hidden'),
  ];
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

/** Likewise of an address in the header of a packet. What has none goes to the label `drop`. */
function lookUpInPacket(offset: { ipv4: number; ipv6: number }, prefixes: number): Step[] {
  return [
    loadWord(2, CONTEXT, PACKET.protocol),
    jumpIf(2, '==', ETHERTYPE.ipv6, 'ipv6'),
    jumpIf(2, '!=', ETHERTYPE.ipv4, 'drop'),
    ...startMapped(),
    ...loadPacketBytes(offset.ipv4, KEY_ADDRESS + 12, 4),
    jump('look up'),
    label('ipv6'),
    ...loadPacketBytes(offset.ipv6, KEY_ADDRESS, 16),
    label('look up'),
    jumpIf(0, '!=', 0, 'drop'),
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
