// What comes by the network in packets: to net, which anybody on the link may write to.

import { leaseOf } from '../../../src/device/net/dhcp/lease.ts';
import { stepDhcp } from '../../../src/device/net/dhcp/machine.ts';
import { createDhcpMachine } from '../../../src/device/net/dhcp/state.ts';
import { arpAnnouncement, arpProbe, decodeArp, encodeArp } from '../../../src/formats/arp-packet.ts';
import {
  addressOption,
  DHCP_OPTION,
  domainNames,
  textOption,
  uint16Option,
  uint32Option,
} from '../../../src/formats/dhcp-options.ts';
import { decodeDhcp, type DhcpPacket, encodeDhcp } from '../../../src/formats/dhcp-packet.ts';
import { decodeDnsMessage, EMPTY_DNS_MESSAGE, encodeDnsMessage } from '../../../src/formats/dns-message.ts';
import { decodeUdpDatagram, encodeUdpDatagram } from '../../../src/formats/ipv4-packet.ts';
import {
  decodeLink,
  decodeLinkAddress,
  decodeNetlink,
  decodeNetlinkError,
  decodeRouterDns,
  encodeIpv4Address,
  encodeLinkChange,
  encodeNetlink,
  NETLINK_TYPE,
} from '../../../src/formats/netlink-message.ts';
import { decodeNtpResponse, encodeNtpRequest } from '../../../src/formats/ntp-packet.ts';
import { type FuzzTarget, isSyntaxError, type Outcome } from '../fuzz-target.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const PRINTABLE = /^[ -~]*$/;
const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(/\s/g, ''), 'hex'));

function dhcpAck(options: readonly [number, Uint8Array][]): Uint8Array {
  return encodeDhcp({
    op: 'reply',
    xid: 1,
    secs: 0,
    broadcast: false,
    ciaddr: '0.0.0.0',
    yiaddr: '10.0.2.15',
    siaddr: '0.0.0.0',
    giaddr: '0.0.0.0',
    mac: MAC,
    options: new Map([
      [DHCP_OPTION.messageType, Uint8Array.of(5)],
      [DHCP_OPTION.serverId, addressOption('10.0.2.2')],
      [DHCP_OPTION.leaseTime, uint32Option(86_400)],
      ...options,
    ]),
  });
}

const SERVER_NAME_OFFSET = 44;
const FILE_OFFSET = 108;
const OPTIONS_OFFSET = 240;
const OVERLOAD = 52;

/** Options go on in the fields of the server's name and of the boot file (RFC 2132, 9.3). */
function overloaded(): Uint8Array {
  const bytes = dhcpAck([]).slice(0, OPTIONS_OFFSET);
  bytes.set([DHCP_OPTION.dns, 4, 9, 9, 9, 9, DHCP_OPTION.domain, 4, 104, 111, 109, 101, 255], FILE_OFFSET);
  bytes.set(
    [DHCP_OPTION.domainSearch, 6, 1, 97, 1, 98, 0, 0, DHCP_OPTION.mtu, 2, 5, 0xdc, 255],
    SERVER_NAME_OFFSET,
  );
  const own = [DHCP_OPTION.messageType, 1, 5, OVERLOAD, 1, 3, DHCP_OPTION.serverId, 4, 10, 0, 2, 2];
  return Uint8Array.of(...bytes, ...own, DHCP_OPTION.leaseTime, 4, 0, 1, 0, 0, 255);
}

const DHCP_PAYLOADS = [
  overloaded(),
  dhcpAck([
    [DHCP_OPTION.subnetMask, addressOption('255.255.255.0')],
    [DHCP_OPTION.classlessRoutes, Uint8Array.of(8, 172, 10, 0, 2, 8, 0, 10, 0, 2, 9)],
    [DHCP_OPTION.domainSearch, Uint8Array.of(1, 97, 1, 98, 0, 1, 99, 0xc0, 2)],
  ]),
  dhcpAck([
    [DHCP_OPTION.routers, addressOption('10.0.2.2', '10.0.2.3')],
    [DHCP_OPTION.dns, addressOption('10.0.2.3', '9.9.9.9')],
    [DHCP_OPTION.domain, textOption('home.lan')],
    [DHCP_OPTION.ntpServers, addressOption('10.0.2.4')],
    [DHCP_OPTION.mtu, uint16Option(1400)],
  ]),
];

const env = { nowMs: 0, random: () => 0.5 };
let machine = stepDhcp(
  createDhcpMachine({ mac: MAC, hostname: 'x' }),
  { type: 'carrier', up: true, storedAddress: null },
  env,
).machine;

/** As the client takes it: read, made a lease of, given to the machine, which goes on from input to input. */
function takeDhcp(packet: DhcpPacket): Outcome {
  const lease = leaseOf(packet, '10.0.2.1');
  const notes = lease?.notes.join('') ?? '';
  if (!PRINTABLE.test(notes)) throw new Error(`A note has control characters: ${JSON.stringify(notes)}`);
  leaseOf(packet);
  const event = { type: 'packet', packet: { ...packet, xid: machine.xid }, sender: '10.0.2.1' } as const;
  machine = stepDhcp(machine, event, env).machine;
  return `${lease === undefined ? 'no lease' : 'lease'} ${[...packet.options.keys()].toSorted((a, b) => a - b).join()} ${machine.state}`;
}

const NAME = 'garden.local';
const flush = { name: NAME, cacheFlush: true, ttlSec: 120 };
const DNS_MESSAGES = [
  encodeDnsMessage({
    ...EMPTY_DNS_MESSAGE,
    questions: [
      { name: NAME, type: 'ANY', unicastResponse: true },
      { name: '_http._tcp.local', type: 'PTR', unicastResponse: false },
    ],
  }),
  encodeDnsMessage({
    ...EMPTY_DNS_MESSAGE,
    isResponse: true,
    answers: [
      { ...flush, data: { type: 'A', address: '10.0.2.15' } },
      { ...flush, data: { type: 'AAAA', address: 'fe80::1' } },
      { ...flush, data: { type: 'SRV', priority: 0, weight: 0, port: 80, target: NAME } },
      { ...flush, data: { type: 'TXT', strings: ['a=b', ''] } },
      { ...flush, data: { type: 'NSEC', nextName: NAME, types: ['A', 'AAAA'] } },
    ],
  }),
];

/** Messages of the kernel about router advertisements, whose DNS options others on the link have written (RFC 8106). */
const ROUTER_HEADER = '0a 00 1800 03000000 86 00 000000000000';
const ROUTER_OPTIONS = [
  '19 03 0000 00000e10 20010db8000000000000000000000053',
  '1f 03 0000 0000003c 04686f6d65 036c616e 00 000000000000',
  '18 01 0000 00000000',
];

function netlink(type: number, payload: Uint8Array): Uint8Array {
  return encodeNetlink({ type, flags: 2, sequence: 1, payload });
}

export const NETWORK_TARGETS = {
  dhcp: {
    corpus: () => DHCP_PAYLOADS,
    run: (input) => takeDhcp(decodeDhcp(input)),
    refuses: isSyntaxError,
  },
  'dhcp-datagram': {
    corpus: () =>
      DHCP_PAYLOADS.map((payload) =>
        encodeUdpDatagram({
          source: '10.0.2.2',
          sourcePort: 67,
          destination: '10.0.2.15',
          destinationPort: 68,
          payload,
        }),
      ),
    run: (input) => takeDhcp(decodeDhcp(decodeUdpDatagram(input).payload)),
    refuses: isSyntaxError,
    // The sums: without one of UDP (0), and with that of the header mended.
    repair: (input) => {
      const bytes = input.slice();
      if (bytes.length < 28) return bytes;
      const view = new DataView(bytes.buffer);
      view.setUint16(10, 0);
      view.setUint16(26, 0);
      let sum = 0;
      const headerBytes = Math.min(bytes.length - 1, ((bytes[0] ?? 0) & 15) * 4);
      for (let at = 0; at + 1 < headerBytes; at += 2) sum += view.getUint16(at);
      while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
      view.setUint16(10, ~sum & 0xffff);
      return bytes;
    },
  },
  arp: {
    corpus: () => [encodeArp(arpProbe(MAC, '10.0.2.15')), encodeArp(arpAnnouncement(MAC, '10.0.2.15'))],
    run: (input) => decodeArp(input).operation,
    refuses: isSyntaxError,
  },
  dns: {
    corpus: () => DNS_MESSAGES,
    // What was understood can be said again.
    run: (input) => {
      const message = decodeDnsMessage(input);
      return `${message.questions.length} ${message.answers.map(({ data }) => data.type).join()}`;
    },
    refuses: isSyntaxError,
  },
  ntp: {
    corpus: () => [
      encodeNtpRequest(new Uint8Array(8)),
      Uint8Array.from({ length: 68 }, (_, at) => (at * 37) & 255),
    ],
    run: (input) => {
      const response = decodeNtpResponse(input, 1.8e12);
      return response && `${response.leap} ${response.version} ${response.mode}`;
    },
    refuses: () => false,
  },
  netlink: {
    corpus: () => [
      Uint8Array.from(
        Buffer.concat([
          netlink(NETLINK_TYPE.newLink, encodeLinkChange(2, { up: true, mtu: 1400 })),
          netlink(
            NETLINK_TYPE.newAddress,
            encodeIpv4Address({ linkIndex: 2, address: '10.0.2.15', prefixLength: 24, metric: 100 }),
          ),
        ]),
      ),
      netlink(
        16,
        hex('00 00 0100 02000000 43100100 00000000 0900 0300 65746830 00 000000 0a00 0100 525400123456 0000'),
      ),
      netlink(20, hex('02 18 80 00 02000000 0800 0100 0a00020f 0800 0200 0a00020f')),
      netlink(2, hex('efffffff')),
    ],
    run: (input) => {
      const messages = decodeNetlink(input);
      const kinds: unknown[] = [];
      for (const { payload } of messages) {
        for (const decode of [decodeLink, decodeLinkAddress, decodeRouterDns, decodeNetlinkError]) {
          try {
            kinds.push(typeof decode(payload));
          } catch (error) {
            if (!isSyntaxError(error)) throw error;
          }
        }
      }
      return `${messages.length} ${kinds.join()}`;
    },
    refuses: isSyntaxError,
  },
  'router-advertisement': {
    corpus: () => [...ROUTER_OPTIONS, ROUTER_OPTIONS.join('')].map((options) => hex(ROUTER_HEADER + options)),
    run: (input) => {
      const found = decodeRouterDns(input);
      // As it gets into resolv.conf.
      const search = domainNames(found?.search ?? []).join(' ');
      if (/\s{2}|\n/.test(search))
        throw new Error(`A search domain would break its line: ${JSON.stringify(search)}`);
      return found && `${found.servers.length} ${found.search.length}`;
    },
    refuses: isSyntaxError,
  },
} satisfies Record<string, FuzzTarget>;
