import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { test } from 'node:test';

import { EventStreams } from './event-stream.ts';

test('a client that has gone before its stream opens takes no place', () => {
  const streams = new EventStreams();
  const response = new http.ServerResponse(new http.IncomingMessage(new net.Socket()));
  response.destroy();
  assert.throws(() => streams.open(response), /The client has gone/);
  assert.equal(streams.size, 0);
});
