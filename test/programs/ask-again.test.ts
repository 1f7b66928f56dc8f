import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { askAgain } from '../support/web/ask-again.ts';

const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok';

/** Answers one request a connection, keeps it, and closes it when it is used again. */
async function serveOnce(
  t: TestContext,
  answers: (connections: number) => boolean,
): Promise<[URL, () => number]> {
  let connections = 0;
  const server: Server = createServer((socket) => {
    const answersFirst = answers(++connections);
    let isUsed = !answersFirst;
    socket.on('error', () => {});
    socket.on('data', () => {
      if (isUsed) socket.destroy();
      else socket.write(ANSWER);
      isUsed = true;
    });
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  return [new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), () => connections];
}

test('askAgain asks once more over a new connection when one that was kept is closed as it is used', async (t) => {
  const [url, connections] = await serveOnce(t, () => true);
  for (let count = 0; count < 3; count++) assert.equal(await (await askAgain(url)).text(), 'ok');
  assert.equal(connections(), 3);
});

test('askAgain gives up when the new connection is closed, too', async (t) => {
  const [url, connections] = await serveOnce(t, () => false);
  await assert.rejects(askAgain(url), /fetch failed/);
  assert.equal(connections(), 2);
});
