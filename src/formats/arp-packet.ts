// ARP for IPv4 over Ethernet (RFC 826), with the probes and announcements of RFC 5227 section 1.1.

import { ipv4FromBytes, ipv4ToBytes } from './ipv4-address.ts';

export interface ArpPacket {
  operation: 'request' | 'reply';
  senderMac: Uint8Array;
  senderAddress: string;
  targetMac: Uint8Array;
  targetAddress: string;
}

const ARP_LENGTH = 28;
const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;
const NO_MAC = new Uint8Array(6);

/** "Does anybody use this address?", asked without claiming it. */
export function arpProbe(mac: Uint8Array, address: string): ArpPacket {
  return {
    operation: 'request',
    senderMac: mac,
    senderAddress: '0.0.0.0',
    targetMac: NO_MAC,
    targetAddress: address,
  };
}

/** "I use this address": neighbours replace a stale entry for it. */
export function arpAnnouncement(mac: Uint8Array, address: string): ArpPacket {
  return {
    operation: 'request',
    senderMac: mac,
    senderAddress: address,
    targetMac: NO_MAC,
    targetAddress: address,
  };
}

export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(ARP_LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, HARDWARE_ETHERNET); //                       0  2  ar$hrd
  view.setUint16(2, PROTOCOL_IPV4); //                           2  2  ar$pro
  bytes[4] = 6; //                                               4  1  ar$hln
  bytes[5] = 4; //                                               5  1  ar$pln
  view.setUint16(6, packet.operation === 'request' ? 1 : 2); //  6  2  ar$op
  bytes.set(packet.senderMac, 8); //                             8  6  ar$sha
  bytes.set(ipv4ToBytes(packet.senderAddress), 14); //          14  4  ar$spa
  bytes.set(packet.targetMac, 18); //                           18  6  ar$tha
  bytes.set(ipv4ToBytes(packet.targetAddress), 24); //          24  4  ar$tpa
  return bytes;
}

/** Throws a SyntaxError for anything but a request or reply for IPv4 over Ethernet. */
export function decodeArp(bytes: Uint8Array): ArpPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < ARP_LENGTH)
    throw new SyntaxError(`Cannot decode ARP packet: ${bytes.length} bytes of 28`);
  const isIpv4OverEthernet =
    view.getUint16(0) === HARDWARE_ETHERNET &&
    view.getUint16(2) === PROTOCOL_IPV4 &&
    view.getUint16(4) === 0x0604;
  const operation = view.getUint16(6);
  if (!isIpv4OverEthernet || operation < 1 || operation > 2) {
    throw new SyntaxError('Cannot decode ARP packet: it is not about IPv4 over Ethernet');
  }
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderMac: bytes.slice(8, 14),
    senderAddress: ipv4FromBytes(bytes, 14),
    targetMac: bytes.slice(18, 24),
    targetAddress: ipv4FromBytes(bytes, 24),
  };
}
