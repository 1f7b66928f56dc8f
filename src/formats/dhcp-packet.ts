// DHCPv4 messages on the wire: RFC 2131 section 2 (fixed fields), RFC 2132 section 2 (options), section 9.3
// (overload), RFC 3396 (long and split options). What the options mean is in dhcp-options.ts.

import { ipv4FromBytes, ipv4ToBytes } from './ipv4-address.ts';

export interface DhcpPacket {
  op: 'request' | 'reply';
  /** Chosen by the client; replies carry it back. */
  xid: number;
  /** Seconds since the client began to acquire or renew. */
  secs: number;
  /** The client cannot receive unicast before its interface has the address. */
  broadcast: boolean;
  ciaddr: string;
  yiaddr: string;
  siaddr: string;
  giaddr: string;
  /** Ethernet address, 6 bytes. */
  mac: Uint8Array;
  /** Values as on the wire by option code, the parts of a split option joined. */
  options: ReadonlyMap<number, Uint8Array>;
}

export const DHCP_SERVER_PORT = 67;
export const DHCP_CLIENT_PORT = 68;

const OPTION_PAD = 0;
const OPTION_OVERLOAD = 52;
const OPTION_END = 255;
const MAX_OPTION_LENGTH = 255;

const SNAME_OFFSET = 44;
const FILE_OFFSET = 108;
const COOKIE_OFFSET = 236;
const OPTIONS_OFFSET = 240;
const MAGIC_COOKIE = 0x6382_5363;
/** BOOTP's size: some relays and servers drop anything shorter (RFC 1542 section 2.1). */
const MIN_PACKET_LENGTH = 300;

export function encodeDhcp(packet: DhcpPacket): Uint8Array {
  const options = encodeOptions(packet.options);
  const bytes = new Uint8Array(Math.max(MIN_PACKET_LENGTH, OPTIONS_OFFSET + options.length));
  const view = new DataView(bytes.buffer);
  bytes[0] = packet.op === 'request' ? 1 : 2; //           0    1  op
  bytes[1] = 1; //                                         1    1  htype: Ethernet
  bytes[2] = 6; //                                         2    1  hlen
  //                                                       3    1  hops
  view.setUint32(4, packet.xid); //                        4    4  xid
  view.setUint16(8, Math.min(packet.secs, 0xffff)); //     8    2  secs
  view.setUint16(10, packet.broadcast ? 0x8000 : 0); //   10    2  flags
  bytes.set(ipv4ToBytes(packet.ciaddr), 12); //           12    4  ciaddr
  bytes.set(ipv4ToBytes(packet.yiaddr), 16); //           16    4  yiaddr
  bytes.set(ipv4ToBytes(packet.siaddr), 20); //           20    4  siaddr
  bytes.set(ipv4ToBytes(packet.giaddr), 24); //           24    4  giaddr
  bytes.set(packet.mac, 28); //                           28   16  chaddr
  //                                                      44   64  sname
  //                                                     108  128  file
  view.setUint32(COOKIE_OFFSET, MAGIC_COOKIE); //        236    4  magic cookie
  bytes.set(options, OPTIONS_OFFSET); //                 240       options
  return bytes;
}

/** Throws a SyntaxError for what is not a DHCP message for Ethernet, or has options that run over their field. */
export function decodeDhcp(bytes: Uint8Array): DhcpPacket {
  if (bytes.length < OPTIONS_OFFSET) throw malformed(`${bytes.length} bytes are too few`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const op = view.getUint8(0);
  if (op !== 1 && op !== 2) throw malformed(`op is ${op}`);
  if (view.getUint16(1) !== 0x0106) throw malformed('the hardware address is not an Ethernet address');
  if (view.getUint32(COOKIE_OFFSET) !== MAGIC_COOKIE) throw malformed('the magic cookie is missing');
  return {
    op: op === 1 ? 'request' : 'reply',
    xid: view.getUint32(4),
    secs: view.getUint16(8),
    broadcast: (view.getUint16(10) & 0x8000) !== 0,
    ciaddr: ipv4FromBytes(bytes, 12),
    yiaddr: ipv4FromBytes(bytes, 16),
    siaddr: ipv4FromBytes(bytes, 20),
    giaddr: ipv4FromBytes(bytes, 24),
    mac: bytes.slice(28, 34),
    options: decodeOptions(bytes),
  };
}

function encodeOptions(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const parts: number[] = [];
  for (const [code, value] of options) {
    if (code <= OPTION_PAD || code >= OPTION_END || code === OPTION_OVERLOAD) {
      throw new RangeError(`Cannot encode DHCP option ${code}: it has no value of its own`);
    }
    // A value that is too long goes out as several options of the same code, which the receiver joins.
    let offset = 0;
    do {
      const part = value.subarray(offset, offset + MAX_OPTION_LENGTH);
      parts.push(code, part.length, ...part);
      offset += MAX_OPTION_LENGTH;
    } while (offset < value.length);
  }
  parts.push(OPTION_END);
  return Uint8Array.from(parts);
}

/** The options field, then `file`, then `sname` where option 52 says so: the order in which values are joined. */
function decodeOptions(bytes: Uint8Array): Map<number, Uint8Array> {
  const parts = new Map<number, Uint8Array[]>();
  addOptions(parts, bytes.subarray(OPTIONS_OFFSET), 'options');
  const overload = parts.get(OPTION_OVERLOAD)?.find(({ length }) => length > 0)?.[0] ?? 0;
  if ((overload & 1) !== 0) addOptions(parts, bytes.subarray(FILE_OFFSET, COOKIE_OFFSET), 'file');
  if ((overload & 2) !== 0) addOptions(parts, bytes.subarray(SNAME_OFFSET, FILE_OFFSET), 'sname');
  parts.delete(OPTION_OVERLOAD);
  return new Map([...parts].map(([code, values]) => [code, new Uint8Array(Buffer.concat(values))]));
}

function addOptions(parts: Map<number, Uint8Array[]>, field: Uint8Array, fieldName: string): void {
  let offset = 0;
  // A field without an end option is accepted: it ends where its bytes end.
  while (offset < field.length) {
    const code = field[offset++] ?? OPTION_END;
    if (code === OPTION_PAD) continue;
    if (code === OPTION_END) return;
    const length = field[offset++];
    if (length === undefined || offset + length > field.length) {
      throw malformed(`option ${code} runs over the end of the ${fieldName} field`);
    }
    const value = field.subarray(offset, offset + length);
    offset += length;
    const earlier = parts.get(code);
    if (earlier === undefined) parts.set(code, [value]);
    else earlier.push(value);
  }
}

function malformed(reason: string): SyntaxError {
  return new SyntaxError(`Cannot decode DHCP message: ${reason}`);
}
