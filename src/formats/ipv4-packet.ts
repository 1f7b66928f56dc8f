// UDP over IPv4 as one datagram: what a program must build itself before its interface has an address.
// RFC 791, RFC 768. IP options are skipped; fragments are refused (DHCP messages fit one frame).

import { ipv4FromBytes, ipv4ToBytes } from './ipv4-address.ts';

export interface UdpDatagram {
  source: string;
  sourcePort: number;
  destination: string;
  destinationPort: number;
  payload: Uint8Array;
}

const IP_HEADER_LENGTH = 20;
const UDP_HEADER_LENGTH = 8;
const PROTOCOL_UDP = 17;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS_OR_OFFSET = 0x3fff;

export function encodeUdpDatagram(datagram: UdpDatagram): Uint8Array {
  const udpLength = UDP_HEADER_LENGTH + datagram.payload.length;
  const bytes = new Uint8Array(IP_HEADER_LENGTH + udpLength);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45; //                                         0  1  version 4, header length in words
  bytes[1] = 0xc0; //                                         1  1  type of service: CS6, network control
  view.setUint16(2, bytes.length); //                         2  2  total length
  view.setUint16(6, DONT_FRAGMENT); //                        6  2  flags, fragment offset (id 0: RFC 6864)
  bytes[8] = 64; //                                           8  1  time to live
  bytes[9] = PROTOCOL_UDP; //                                 9  1  protocol
  bytes.set(ipv4ToBytes(datagram.source), 12); //            12  4  source address
  bytes.set(ipv4ToBytes(datagram.destination), 16); //       16  4  destination address
  view.setUint16(10, onesComplement(sumWords(bytes, 0, 20))); // 10  2  header checksum
  view.setUint16(20, datagram.sourcePort); //                20  2  source port
  view.setUint16(22, datagram.destinationPort); //           22  2  destination port
  view.setUint16(24, udpLength); //                          24  2  length of UDP header and payload
  bytes.set(datagram.payload, 28); //                        28     payload
  const sum = sumWords(bytes, 20, bytes.length, pseudoHeaderSum(bytes, udpLength));
  view.setUint16(26, onesComplement(sum) || 0xffff); //      26  2  checksum; 0 would mean "none"
  return bytes;
}

/** Throws a SyntaxError for anything but a whole UDP datagram with right checksums. */
export function decodeUdpDatagram(bytes: Uint8Array): UdpDatagram {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < IP_HEADER_LENGTH || view.getUint8(0) >> 4 !== 4) throw malformed('no IPv4 header');
  const headerLength = (view.getUint8(0) & 0xf) * 4;
  const totalLength = view.getUint16(2);
  // The frame may be longer than the packet: Ethernet pads to 60 bytes.
  if (headerLength < IP_HEADER_LENGTH || totalLength > bytes.length) throw malformed('it is cut off');
  if (headerLength + UDP_HEADER_LENGTH > totalLength) throw malformed('it is too short for UDP');
  if ((view.getUint16(6) & MORE_FRAGMENTS_OR_OFFSET) !== 0) throw malformed('it is a fragment');
  if (view.getUint8(9) !== PROTOCOL_UDP) throw malformed('it is not UDP');
  if (sumWords(bytes, 0, headerLength) !== 0xffff) throw malformed('wrong header checksum');
  const udpLength = view.getUint16(headerLength + 4);
  const end = headerLength + udpLength;
  if (udpLength < UDP_HEADER_LENGTH || end > totalLength) throw malformed('wrong UDP length');
  if (!isUdpChecksumRight(bytes, view, headerLength, udpLength)) throw malformed('wrong UDP checksum');
  return {
    source: ipv4FromBytes(bytes, 12),
    sourcePort: view.getUint16(headerLength),
    destination: ipv4FromBytes(bytes, 16),
    destinationPort: view.getUint16(headerLength + 2),
    payload: bytes.subarray(headerLength + UDP_HEADER_LENGTH, end),
  };
}

function isUdpChecksumRight(bytes: Uint8Array, view: DataView, start: number, udpLength: number): boolean {
  const stored = view.getUint16(start + 6);
  const pseudo = pseudoHeaderSum(bytes, udpLength);
  // 0: the sender computed none. The bare pseudo-header sum: the sender is a virtual machine or a container on
  // this host, and Linux left the rest to network hardware that does not exist (checksum offload).
  if (stored === 0 || stored === pseudo) return true;
  return sumWords(bytes, start, start + udpLength, pseudo) === 0xffff;
}

function pseudoHeaderSum(bytes: Uint8Array, udpLength: number): number {
  return sumWords(bytes, 12, 20, PROTOCOL_UDP + udpLength);
}

/** One's complement sum (RFC 1071) of big-endian words; an odd last byte is padded with zero. */
function sumWords(bytes: Uint8Array, start: number, end: number, initial = 0): number {
  let sum = initial;
  for (let index = start; index < end; index += 2) {
    sum += ((bytes[index] ?? 0) << 8) | (index + 1 < end ? (bytes[index + 1] ?? 0) : 0);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function onesComplement(sum: number): number {
  return ~sum & 0xffff;
}

function malformed(reason: string): SyntaxError {
  return new SyntaxError(`Cannot decode UDP datagram: ${reason}`);
}
