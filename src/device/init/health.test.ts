import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { answers } from './health.ts';

/** An API that does with each connection what the test says. */
async function serve(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-health-'));
  const server = createServer((socket) => onConnection(socket.on('error', () => {})));
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, 'init.sock');
  await once(server.listen(path), 'listening');
  return path;
}

/** Keeps this thread from doing anything else, as starving does. */
function starve(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

test('an API that answers is well, another is not', async (t) => {
  const well = await serve(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\n'));
  const broken = await serve(t, (socket) => socket.end('HTTP/1.1 500 Oh\r\n\r\n'));
  assert.deepEqual(
    [await answers(well), await answers(broken), await answers('/nowhere')],
    [true, false, false],
  );
});

test('an API that says nothing is given up although nothing else happens', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  const path = await serve(t, () => {});
  const answer = answers(path);
  for (let turn = 0; turn < 50; turn++) {
    await new Promise(setImmediate);
    t.mock.timers.tick(100);
  }
  assert.equal(await answer, false);
});

test('an answer that is there when a starved machine wakes up counts, however late it is', async (t) => {
  const limitTurns = 2;
  const path = await serve(t, (socket) => {
    socket.once('data', () => {
      socket.end('HTTP/1.1 200 OK\r\n\r\n');
      starve(2 * limitTurns * 100);
    });
  });
  assert.equal(await answers(path, limitTurns), true);
});
