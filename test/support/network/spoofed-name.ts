// A device that answers to `garden.local` late, and somebody else who does so at once, in one network namespace. The
// somebody else listens where tsk asks, by TLS with a certificate of his own and in clear; what he hears is printed. Runs
// by itself, and prints `ready`.

import { readFileSync } from 'node:fs';
import { createSocket } from 'node:dgram';
import http from 'node:http';
import net from 'node:net';
import tls from 'node:tls';
import { setTimeout as delay } from 'node:timers/promises';
import { decodeDnsMessage, EMPTY_DNS_MESSAGE, encodeDnsMessage } from '../../../src/formats/dns-message.ts';
import { startWebDevice } from '../web/web-device.ts';

const [spoofer = '', device = '', identityPath = ''] = process.argv.slice(2);
const LATE_MS = 300;

const real = await startWebDevice({ tls: {}, identityPath });
const other = await startWebDevice({ tls: {} });
if (!real.tls || !other.tls) throw new Error('No TLS');
const { port } = real.tls;
net
  .createServer((socket) => void socket.pipe(net.connect(port, '127.0.0.1')).pipe(socket))
  .listen(443, device);

const heard = (how: string, text: string): void => console.log(`heard ${how}: ${JSON.stringify(text)}`);
const pem = readFileSync(other.tls.path);
tls
  .createServer({ key: pem, cert: pem }, (socket) => {
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => heard('by TLS', String(chunk)));
  })
  .listen(443, spoofer);
http
  .createServer((request, response) => {
    heard('in clear', `${request.url} ${request.headers.authorization}`);
    response.end('ok\n');
  })
  .listen(80, spoofer);

const socket = createSocket({ type: 'udp4', reuseAddr: true });
socket.on('message', (bytes, from) => {
  const query = decodeDnsMessage(bytes);
  if (query.isResponse || !query.questions.some(({ name }) => name === 'garden.local')) return;
  const answer = (address: string): void => {
    const record = {
      name: 'garden.local',
      ttlSec: 10,
      cacheFlush: true,
      data: { type: 'A', address },
    } as const;
    const message = { ...EMPTY_DNS_MESSAGE, id: query.id, isResponse: true, answers: [record] };
    socket.send(encodeDnsMessage(message), from.port, from.address);
  };
  answer(spoofer);
  void delay(LATE_MS).then(() => answer(device));
});
socket.bind(5353, () => {
  socket.addMembership('224.0.0.251', device);
  console.log('ready');
});
