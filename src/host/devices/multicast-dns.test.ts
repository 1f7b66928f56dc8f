// Queries to a responder on this computer, which answers as RFC 6762 section 6.7 wants it.

import assert from 'node:assert/strict';
import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import {
  decodeDnsMessage,
  type DnsMessage,
  EMPTY_DNS_MESSAGE,
  encodeDnsMessage,
} from '../../formats/dns-message.ts';
import { type Link, queryMulticastDns } from './multicast-dns.ts';
import { resolveDeviceName } from './resolve-device-name.ts';

async function respond(t: TestContext, answer: (query: DnsMessage) => readonly Uint8Array[]): Promise<Link> {
  const socket = createSocket('udp4');
  socket.on('message', (bytes: Buffer, from: RemoteInfo) => {
    for (const packet of answer(decodeDnsMessage(bytes))) socket.send(packet, from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  t.after(() => socket.close());
  const { port } = socket.address();
  return { family: 'udp4', multicastInterface: '127.0.0.1', group: '127.0.0.1', port, zone: 'eth7' };
}

function answerTo(query: DnsMessage, name: string): Uint8Array {
  const record = { name, cacheFlush: false, ttlSec: 10 };
  return encodeDnsMessage({
    ...EMPTY_DNS_MESSAGE,
    id: query.id,
    isResponse: true,
    isAuthoritative: true,
    questions: query.questions,
    answers: [
      { ...record, data: { type: 'AAAA', address: 'fe80::1' } },
      { ...record, data: { type: 'A', address: '10.0.0.5' } },
    ],
  });
}

const { signal } = new AbortController();
const slow = async (): Promise<string[]> => {
  await new Promise((resolve) => setTimeout(resolve, 20));
  return ['1'];
};
const silent = (): Promise<string[]> => Promise.resolve([]);

test('queryMulticastDns asks nobody for a name that cannot be', async (t) => {
  const link = await respond(t, () => assert.fail('a query arrived'));
  for (const name of ['.local', 'a..local', 'garden.local.', `${'a'.repeat(64)}.local`, 'a.'.repeat(130)]) {
    assert.deepEqual(await queryMulticastDns(name, signal, [link]), [], name);
  }
});

test('queryMulticastDns gives the addresses of the name, and link-local ones their zone', async (t) => {
  const link = await respond(t, (query) => {
    assert.deepEqual(
      query.questions.map(({ name, type }) => [name, type]),
      [
        ['garden.local', 'A'],
        ['garden.local', 'AAAA'],
      ],
    );
    return [answerTo(query, 'Garden.local')];
  });
  assert.deepEqual(await queryMulticastDns('garden.local', signal, [link]), ['10.0.0.5', 'fe80::1%eth7']);
});

test('queryMulticastDns takes no notice of garbage, of questions and of other names', async (t) => {
  const link = await respond(t, (query) => [
    Buffer.from('garbage'),
    new Uint8Array(0),
    encodeDnsMessage(query),
    answerTo(query, 'shed.local'),
    answerTo(query, 'garden.local'),
  ]);
  assert.deepEqual(await queryMulticastDns('garden.local', signal, [link]), ['10.0.0.5', 'fe80::1%eth7']);
});

test('queryMulticastDns ends with nothing when it is told to, and where there is nobody to ask', async (t) => {
  const controller = new AbortController();
  const link = await respond(t, () => {
    controller.abort();
    return [];
  });
  assert.deepEqual(await queryMulticastDns('garden.local', controller.signal, [link]), []);
  assert.deepEqual(await queryMulticastDns('garden.local', signal, []), []);
  const broken = { ...link, multicastInterface: '192.0.2.1' };
  assert.deepEqual(await queryMulticastDns('garden.local', AbortSignal.timeout(50), [broken]), []);
});

test('resolveDeviceName asks all at once and takes the first in the list that knows the name', async () => {
  assert.deepEqual(await resolveDeviceName('x', signal, [silent, slow, () => Promise.resolve(['2'])]), ['1']);
  assert.deepEqual(await resolveDeviceName('x', signal, [silent, () => Promise.resolve(['2', '2'])]), ['2']);
  assert.deepEqual(await resolveDeviceName('x', signal, [silent]), []);
});
