import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { test, type TestContext } from 'node:test';

import { type EventStream, EventStreams } from './event-stream.ts';

interface Opened {
  stream: EventStream;
  client: http.IncomingMessage;
}

/** A stream to a real client, of which nothing has been read. */
async function openStream(t: TestContext, streams: EventStreams): Promise<Opened> {
  const opened = Promise.withResolvers<EventStream>();
  const server = http.createServer((_request, response) => {
    opened.resolve(streams.open(response));
  });
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const request = http.get({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
  const [client] = (await once(request, 'response')) as [http.IncomingMessage];
  return { stream: await opened.promise, client };
}

async function textOf(client: http.IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of client) text += String(chunk);
  return text;
}

test('a client that has gone before its stream opens takes no place', () => {
  const streams = new EventStreams();
  const response = new http.ServerResponse(new http.IncomingMessage(new net.Socket()));
  response.destroy();
  assert.throws(() => streams.open(response), /The client has gone/);
  assert.equal(streams.size, 0);
});

test('a stream that has ended sends nothing more', async (t) => {
  const { stream, client } = await openStream(t, new EventStreams());
  stream.send('status', '1');
  stream.end();
  // Its senders learn of the end when the client has read all, which is later.
  stream.send('status', '2');
  stream.heartbeat();
  const text = await textOf(client);
  assert.match(text, /data: 1\n\n$/);
});

test('a stream that has ended drops a client that does not read the rest', async (t) => {
  const streams = new EventStreams();
  const { stream, client } = await openStream(t, streams);
  const closed = new Promise<void>((resolve) => {
    stream.onClose(resolve);
  });
  client.pause();
  // More than the sockets of both sides hold.
  stream.send('status', JSON.stringify('x'.repeat(16 * 1024 * 1024)));
  stream.end();
  stream.heartbeat();
  assert.equal(streams.size, 1);
  stream.heartbeat();
  await closed;
  assert.equal(streams.size, 0);
});
