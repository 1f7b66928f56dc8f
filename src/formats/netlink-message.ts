// Messages of Linux' rtnetlink (RFC 3549, rtnetlink(7)): links, IPv4/IPv6 addresses, IPv4 routes, and the options of
// router advertisements that are left to user space. Both machines that we run on are little-endian, which is what
// "host byte order" is here; addresses are big-endian as on the wire.

import { ipv4ToBytes } from './ipv4-address.ts';

export const NETLINK_TYPE = {
  error: 2,
  done: 3,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  setLink: 19,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
  newRoute: 24,
  delRoute: 25,
  newNdUserOption: 68,
} as const;

export const NETLINK_FLAG = {
  request: 0x1,
  ack: 0x4,
  /** Replace what exists. */
  replace: 0x100,
  /** All objects, for a get request. */
  dump: 0x300,
  create: 0x400,
  append: 0x800,
} as const;

export interface NetlinkMessage {
  type: number;
  flags: number;
  sequence: number;
  payload: Uint8Array;
}

export interface Link {
  index: number;
  name: string;
  /** Six bytes for Ethernet. */
  mac: Uint8Array;
  isEthernet: boolean;
  /** Switched on by the administrator. */
  isUp: boolean;
  /** A cable is plugged in and packets can be sent. */
  hasCarrier: boolean;
  mtu: number;
  /** What the hardware can carry at most. */
  maxMtu: number;
}

export interface LinkAddress {
  family: 'ipv4' | 'ipv6';
  linkIndex: number;
  prefixLength: number;
  address: Uint8Array;
  /** IPv6: not usable, yet or any more. */
  isTentative: boolean;
}

export interface Ipv4Route {
  linkIndex: number;
  destination: string;
  prefixLength: number;
  /** Absent: the destination is on the link itself. */
  gateway?: string;
  metric: number;
  /** `kernel`: the kernel has made it itself, for an address. */
  origin: 'dhcp' | 'static' | 'kernel';
  /** Less than what the interface carries. */
  mtu?: number;
}

/** What routers announce for resolv.conf (RFC 8106). */
export interface RouterDns {
  linkIndex: number;
  servers: readonly Uint8Array[];
  search: readonly string[];
  lifetimeSec: number;
}

const HEADER_LENGTH = 16;
const AF_INET = 2;
const AF_INET6 = 10;
const ARPHRD_ETHER = 1;
const IFF_UP = 0x1;
const IFF_RUNNING = 0x40;
const IFF_LOWER_UP = 0x1_0000;
/** The cable is plugged in (LOWER_UP), and the kernel has got round to sending (RUNNING). */
const CARRIER_FLAGS = IFF_UP | IFF_RUNNING | IFF_LOWER_UP;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_DADFAILED = 0x08;
const RT_TABLE_MAIN = 254;
const RTPROT = { kernel: 2, static: 4, dhcp: 16 } as const;
const RTAX_MTU = 2;
const RT_SCOPE_UNIVERSE = 0;
const RT_SCOPE_LINK = 253;
const RTN_UNICAST = 1;
const RTNH_F_ONLINK = 4;

const IFLA = { address: 1, name: 3, mtu: 4, wireless: 11, maxMtu: 51 } as const;
const IFA = { address: 1, local: 2, broadcast: 4, cacheInfo: 6, flags: 8, routePriority: 9 } as const;
const RTA = {
  destination: 1,
  outputInterface: 4,
  gateway: 5,
  priority: 6,
  preferredSource: 7,
  metrics: 8,
} as const;
const ND_OPTION = { rdnss: 25, dnssl: 31 } as const;
const FOREVER = 0xffff_ffff;

export function encodeNetlink({ type, flags, sequence, payload }: NetlinkMessage): Uint8Array {
  const bytes = new Uint8Array(HEADER_LENGTH + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true); //  0  4  nlmsg_len
  view.setUint16(4, type, true); //          4  2  nlmsg_type
  view.setUint16(6, flags, true); //         6  2  nlmsg_flags
  view.setUint32(8, sequence, true); //      8  4  nlmsg_seq
  //                                        12  4  nlmsg_pid: 0, the kernel fills it in
  bytes.set(payload, HEADER_LENGTH);
  return bytes;
}

/** All messages of one datagram. Throws a SyntaxError when a length leads out of it. */
export function decodeNetlink(bytes: Uint8Array): NetlinkMessage[] {
  const view = viewOf(bytes);
  const messages: NetlinkMessage[] = [];
  for (let offset = 0; offset + HEADER_LENGTH <= bytes.length;) {
    const length = view.getUint32(offset, true);
    if (length < HEADER_LENGTH || offset + length > bytes.length) throw malformed('message', offset);
    messages.push({
      type: view.getUint16(offset + 4, true),
      flags: view.getUint16(offset + 6, true),
      sequence: view.getUint32(offset + 8, true),
      payload: bytes.subarray(offset + HEADER_LENGTH, offset + length),
    });
    offset += align4(length);
  }
  return messages;
}

/** errno of an acknowledgement, 0 when all is well. */
export function decodeNetlinkError(payload: Uint8Array): number {
  if (payload.length < 4) throw malformed('acknowledgement', 0);
  return Math.abs(viewOf(payload).getInt32(0, true));
}

/** Serves get requests: everything of the family. */
export function encodeDumpRequest(family: 'any' | 'ipv4'): Uint8Array {
  const payload = new Uint8Array(16);
  payload[0] = family === 'any' ? 0 : AF_INET;
  return payload;
}

export function encodeLinkChange(linkIndex: number, change: { up?: boolean; mtu?: number }): Uint8Array {
  const header = new Uint8Array(16); //       0  1  ifi_family, 2 2 ifi_type: unspecified
  const view = viewOf(header);
  view.setInt32(4, linkIndex, true); //       4  4  ifi_index
  if (change.up !== undefined) {
    view.setUint32(8, change.up ? IFF_UP : 0, true); //  8  4  ifi_flags
    view.setUint32(12, IFF_UP, true); //     12  4  ifi_change: which flags are meant
  }
  return concat(header, change.mtu === undefined ? [] : [attribute(IFLA.mtu, uint32(change.mtu))]);
}

/** Throws a SyntaxError when the message is cut off. */
export function decodeLink(payload: Uint8Array): Link {
  if (payload.length < 16) throw malformed('link', 0);
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, 16);
  const flags = view.getUint32(8, true);
  const mtu = readUint32(attributes.get(IFLA.mtu)) ?? 0;
  return {
    index: view.getInt32(4, true),
    name: decodeString(attributes.get(IFLA.name)),
    mac: attributes.get(IFLA.address)?.slice() ?? new Uint8Array(6),
    isEthernet: view.getUint16(2, true) === ARPHRD_ETHER,
    isUp: (flags & IFF_UP) !== 0,
    hasCarrier: (flags & CARRIER_FLAGS) === CARRIER_FLAGS,
    mtu,
    maxMtu: readUint32(attributes.get(IFLA.maxMtu)) ?? mtu,
  };
}

/**
 * Kernels with wireless extensions tell of each step of a radio by such a message, which has the name and none of the rest
 * (net/wireless/wext-core.c).
 */
export function isWirelessEvent(payload: Uint8Array): boolean {
  return payload.length >= 16 && decodeAttributes(payload, 16).has(IFLA.wireless);
}

export interface Ipv4AddressRequest {
  linkIndex: number;
  address: string;
  prefixLength: number;
  /** Absent where there is none (/31, /32). */
  broadcast?: string;
  /** Metric of the route to the subnet that the kernel adds. */
  metric: number;
  /** The kernel drops the address by itself afterwards, also when this program is gone. Absent: never. */
  validSec?: number;
}

export function encodeIpv4Address(request: Ipv4AddressRequest): Uint8Array {
  const validSec = request.validSec ?? FOREVER;
  const cacheInfo = new Uint8Array(16);
  viewOf(cacheInfo).setUint32(0, validSec, true); //  0  4  ifa_prefered
  viewOf(cacheInfo).setUint32(4, validSec, true); //  4  4  ifa_valid; 8 4 cstamp, 12 4 tstamp: kernel's
  const attributes = [
    attribute(IFA.local, ipv4ToBytes(request.address)),
    attribute(IFA.address, ipv4ToBytes(request.address)),
    attribute(IFA.cacheInfo, cacheInfo),
    attribute(IFA.routePriority, uint32(request.metric)),
  ];
  if (request.broadcast !== undefined)
    attributes.push(attribute(IFA.broadcast, ipv4ToBytes(request.broadcast)));
  return concat(addressHeader(request.linkIndex, request.prefixLength), attributes);
}

/** Serves deletion: what identifies an address. */
export function encodeIpv4AddressKey(linkIndex: number, address: string, prefixLength: number): Uint8Array {
  return concat(addressHeader(linkIndex, prefixLength), [attribute(IFA.local, ipv4ToBytes(address))]);
}

/** `undefined` for families other than IPv4 and IPv6. Throws a SyntaxError when the message is cut off. */
export function decodeLinkAddress(payload: Uint8Array): LinkAddress | undefined {
  if (payload.length < 8) throw malformed('address', 0);
  const family = payload[0];
  if (family !== AF_INET && family !== AF_INET6) return undefined;
  const view = viewOf(payload);
  const attributes = decodeAttributes(payload, 8);
  // IFA_ADDRESS is the other end of a point-to-point link, IFA_LOCAL ours; IPv6 has only the former.
  const address = attributes.get(IFA.local) ?? attributes.get(IFA.address);
  if (address?.length !== (family === AF_INET ? 4 : 16)) throw malformed('address', 8);
  const wideFlags = attributes.get(IFA.flags);
  const flags = wideFlags?.length === 4 ? viewOf(wideFlags).getUint32(0, true) : view.getUint8(2);
  return {
    family: family === AF_INET ? 'ipv4' : 'ipv6',
    linkIndex: view.getUint32(4, true),
    prefixLength: view.getUint8(1),
    address: address.slice(),
    isTentative: (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) !== 0,
  };
}

export function encodeIpv4Route(route: Ipv4Route, preferredSource?: string): Uint8Array {
  const header = new Uint8Array(12);
  header[0] = AF_INET; //                                                       0  1  rtm_family
  header[1] = route.prefixLength; //                                            1  1  rtm_dst_len; 2 1 rtm_src_len
  //                                                                            3  1  rtm_tos
  header[4] = RT_TABLE_MAIN; //                                                 4  1  rtm_table
  header[5] = RTPROT[route.origin]; //                                          5  1  rtm_protocol
  header[6] = route.gateway === undefined ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE; // 6  1  rtm_scope
  header[7] = RTN_UNICAST; //                                                   7  1  rtm_type
  // A router outside of the subnet is usual with /32 leases; the server knows that it is on the link.
  if (route.gateway !== undefined) viewOf(header).setUint32(8, RTNH_F_ONLINK, true); // 8  4  rtm_flags
  const attributes = [
    attribute(RTA.outputInterface, uint32(route.linkIndex)),
    attribute(RTA.priority, uint32(route.metric)),
  ];
  if (route.prefixLength > 0) attributes.push(attribute(RTA.destination, ipv4ToBytes(route.destination)));
  if (route.gateway !== undefined) attributes.push(attribute(RTA.gateway, ipv4ToBytes(route.gateway)));
  if (preferredSource !== undefined)
    attributes.push(attribute(RTA.preferredSource, ipv4ToBytes(preferredSource)));
  if (route.mtu !== undefined)
    attributes.push(attribute(RTA.metrics, attribute(RTAX_MTU, uint32(route.mtu))));
  return concat(header, attributes);
}

/** RFC 8106 options of one RTM_NEWNDUSEROPT; `undefined` for other options. */
export function decodeRouterDns(payload: Uint8Array): RouterDns | undefined {
  //  0  1  nduseropt_family       1  1  pad                  2  2  nduseropt_opts_len
  //  4  4  nduseropt_ifindex      8  1  nduseropt_icmp_type  9  1  nduseropt_icmp_code  10  6  pad
  const optionStart = 16;
  if (payload.length < optionStart + 8 || payload[0] !== AF_INET6) return undefined;
  const view = viewOf(payload);
  const type = view.getUint8(optionStart);
  const end = optionStart + view.getUint8(optionStart + 1) * 8;
  if (end > payload.length || end < optionStart + 8) return undefined;
  const linkIndex = view.getInt32(4, true);
  const lifetimeSec = view.getUint32(optionStart + 4);
  const body = payload.subarray(optionStart + 8, end);
  if (type === ND_OPTION.rdnss) {
    const servers = Array.from({ length: Math.floor(body.length / 16) }, (_, index) =>
      body.slice(index * 16, index * 16 + 16),
    );
    return { linkIndex, servers, search: [], lifetimeSec };
  }
  if (type === ND_OPTION.dnssl) return { linkIndex, servers: [], search: decodeNames(body), lifetimeSec };
  return undefined;
}

/** Uncompressed DNS names, padded with zeros. */
function decodeNames(bytes: Uint8Array): string[] {
  const names: string[] = [];
  let labels: string[] = [];
  for (let offset = 0; offset < bytes.length;) {
    const length = bytes[offset] ?? 0;
    if (length > 63 || offset + 1 + length > bytes.length) return [];
    if (length > 0) labels.push(String.fromCharCode(...bytes.subarray(offset + 1, offset + 1 + length)));
    else if (labels.length > 0) {
      names.push(labels.join('.'));
      labels = [];
    }
    offset += 1 + length;
  }
  return names;
}

function addressHeader(linkIndex: number, prefixLength: number): Uint8Array {
  const header = new Uint8Array(8);
  header[0] = AF_INET; //                            0  1  ifa_family
  header[1] = prefixLength; //                       1  1  ifa_prefixlen; 2 1 ifa_flags, 3 1 ifa_scope: global
  viewOf(header).setUint32(4, linkIndex, true); //   4  4  ifa_index
  return header;
}

export function attribute(type: number, value: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(align4(4 + value.length));
  viewOf(bytes).setUint16(0, 4 + value.length, true); //  0  2  rta_len
  viewOf(bytes).setUint16(2, type, true); //              2  2  rta_type
  bytes.set(value, 4);
  return bytes;
}

export function decodeAttributes(bytes: Uint8Array, start: number): Map<number, Uint8Array> {
  const view = viewOf(bytes);
  const attributes = new Map<number, Uint8Array>();
  for (let offset = start; offset + 4 <= bytes.length;) {
    const length = view.getUint16(offset, true);
    if (length < 4 || offset + length > bytes.length) throw malformed('attribute', offset);
    // The two top bits are flags: nested, big-endian.
    attributes.set(view.getUint16(offset + 2, true) & 0x3fff, bytes.subarray(offset + 4, offset + length));
    offset += align4(length);
  }
  return attributes;
}

function decodeString(value: Uint8Array | undefined): string {
  return new TextDecoder().decode(value ?? new Uint8Array()).replace(/\0.*$/s, '');
}

function readUint32(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? viewOf(value).getUint32(0, true) : undefined;
}

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, value, true);
  return bytes;
}

export function concat(header: Uint8Array, parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat([header, ...parts]));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function align4(length: number): number {
  return (length + 3) & ~3;
}

function malformed(what: string, offset: number): SyntaxError {
  return new SyntaxError(`Cannot decode netlink ${what}: wrong length at byte ${offset}`);
}
