// A DHCP server that does what a test tells it: each line on standard input is a ServerBehaviour, each line on standard
// output a message of the client. Runs in the server's namespace of network-lab.ts.

import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import {
  addressOption,
  DHCP_MESSAGE_TYPE,
  DHCP_OPTION,
  readAddress,
  readMessageType,
  uint32Option,
} from '../../../src/formats/dhcp-options.ts';
import {
  decodeDhcp,
  DHCP_CLIENT_PORT,
  DHCP_SERVER_PORT,
  type DhcpPacket,
  encodeDhcp,
} from '../../../src/formats/dhcp-packet.ts';
import type { ServerBehaviour } from './network-lab.ts';

type Server = ServerBehaviour['servers'][number];

const socket = createSocket('udp4');
let behaviour: ServerBehaviour = { servers: [] };

createInterface({ input: process.stdin }).on('line', (line) => {
  behaviour = JSON.parse(line) as ServerBehaviour;
  console.log('ready');
});

socket.on('message', (bytes) => {
  const packet = decodeDhcp(bytes);
  const type = readMessageType(packet.options);
  console.log(describe(packet));
  for (const server of behaviour.servers) {
    if (type === 'discover' && server.discover) answer(packet, server, 'offer');
    const chosen = readAddress(packet.options, DHCP_OPTION.serverId) ?? server.id;
    if (type === 'request' && server.request && chosen === server.id) answer(packet, server, server.request);
  }
  for (let count = 0; count < (behaviour.garbage ?? 0); count++) sendGarbage(packet);
});

socket.bind(DHCP_SERVER_PORT, () => socket.setBroadcast(true));

function answer(question: DhcpPacket, server: Server, type: 'offer' | 'ack' | 'nak'): void {
  const bytes = encodeDhcp(reply(question, server, type));
  const isUnicast = question.ciaddr !== '0.0.0.0' && type !== 'nak';
  socket.send(bytes, DHCP_CLIENT_PORT, isUnicast ? question.ciaddr : '255.255.255.255');
}

function reply(question: DhcpPacket, server: Server, type: 'offer' | 'ack' | 'nak'): DhcpPacket {
  const options = new Map<number, Uint8Array>([
    [DHCP_OPTION.messageType, Uint8Array.of(DHCP_MESSAGE_TYPE[type])],
    [DHCP_OPTION.serverId, addressOption(server.id)],
  ]);
  if (type !== 'nak') {
    options.set(DHCP_OPTION.subnetMask, addressOption('255.255.255.0'));
    options.set(DHCP_OPTION.leaseTime, uint32Option(server.leaseSec ?? 3600));
    if (server.renewSec !== undefined) options.set(DHCP_OPTION.renewalTime, uint32Option(server.renewSec));
    if (server.rebindSec !== undefined)
      options.set(DHCP_OPTION.rebindingTime, uint32Option(server.rebindSec));
    if (server.routers !== undefined) options.set(DHCP_OPTION.routers, addressOption(...server.routers));
  }
  const changes = { ...server.options, ...(type === 'ack' ? server.ackOptions : {}) };
  for (const [code, hex] of Object.entries(changes)) {
    if (hex === null) options.delete(Number(code));
    else options.set(Number(code), Uint8Array.fromHex(hex));
  }
  const yiaddr = type === 'nak' ? '0.0.0.0' : server.address;
  return { ...question, op: 'reply', yiaddr, options };
}

/** An offer with a quarter of its bytes replaced, or nothing but noise. */
function sendGarbage(question: DhcpPacket): void {
  const offer = reply(question, { id: '10.77.0.66', address: '10.77.0.66' }, 'offer');
  // Without its type: one offer in some hundred would come out whole, and then rightly be tried.
  const options = new Map([...offer.options].filter(([code]) => code !== DHCP_OPTION.messageType));
  const good = encodeDhcp({ ...offer, options });
  const isNoise = Math.random() < 0.2;
  const bytes = good.map((byte) =>
    isNoise || Math.random() < 0.25 ? Math.floor(Math.random() * 256) : byte,
  );
  socket.send(bytes, DHCP_CLIENT_PORT, '255.255.255.255');
}

function describe({ options, ciaddr }: DhcpPacket): string {
  const parts = [readMessageType(options) ?? 'nothing'];
  const requested = readAddress(options, DHCP_OPTION.requestedAddress);
  const server = readAddress(options, DHCP_OPTION.serverId);
  if (requested !== undefined) parts.push(`of ${requested}`);
  if (ciaddr !== '0.0.0.0') parts.push(`with ${ciaddr}`);
  if (server !== undefined) parts.push(`from ${server}`);
  return parts.join(' ');
}
