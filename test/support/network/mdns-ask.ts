// Asks a question by multicast DNS every half second, as long as it runs, and prints each response as a line of JSON.
// For tests: node mdns-ask.ts INTERFACE FAMILY TYPE NAME [legacy|unicast|ADDRESS]; an address is asked as in plain DNS.

import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import {
  decodeDnsMessage,
  type DnsType,
  EMPTY_DNS_MESSAGE,
  encodeDnsMessage,
} from '../../../src/formats/dns-message.ts';
import { isIP, isIPv6 } from 'node:net';
import { MulticastSocket } from '../../../src/device/sys/multicast-socket.ts';

const REPEAT_MS = 500;
const [name = '', family, type, question = '', mode] = process.argv.slice(2);
const index = Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'latin1'));
const group =
  family === 'ipv6'
    ? ({ family: 'ipv6', address: 'ff02::fb', port: 5353 } as const)
    : ({ family: 'ipv4', address: '224.0.0.251', port: 5353 } as const);

function print(bytes: Uint8Array, from: string): void {
  const message = decodeDnsMessage(bytes);
  if (message.isResponse) process.stdout.write(`${JSON.stringify({ from, ...message })}\n`);
}

const isLegacy = mode === 'legacy' || isIP(mode ?? '') !== 0;
const query = encodeDnsMessage({
  ...EMPTY_DNS_MESSAGE,
  id: isLegacy ? 4711 : 0,
  questions: [{ name: question, type: type as DnsType, unicastResponse: mode === 'unicast' }],
});
let send: () => void;
if (isLegacy) {
  const socket = createSocket(isIPv6(mode ?? '') ? 'udp6' : 'udp4');
  socket.on('message', (bytes, from) => print(bytes, from.address));
  send = () => socket.send(query, group.port, mode === 'legacy' ? group.address : mode);
} else {
  const socket = new MulticastSocket({ name, index }, group);
  socket.listen((bytes, from) => print(bytes, from.address));
  send = () => {
    try {
      socket.send(query);
    } catch (error) {
      // The kernel still makes sure that nobody else has the address: it can be used a second later.
      if ((error as NodeJS.ErrnoException).code !== 'EADDRNOTAVAIL') throw error;
    }
  };
}
send();
setInterval(send, REPEAT_MS);
