// The other end of QEMU's control socket, scripted.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

export interface Command {
  execute: string;
  arguments?: Record<string, unknown>;
}

/** The socket's path. Greets as QEMU does, then `answer` decides what is sent for each command. */
export async function serveQmp(
  t: TestContext,
  answer: (command: Command, socket: Socket) => object | undefined,
): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-qmp-'));
  const server = createServer((socket) => {
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    createInterface({ input: socket }).on('line', (line) => {
      const reply = answer(JSON.parse(line) as Command, socket);
      if (reply) socket.write(`${JSON.stringify(reply)}\r\n`);
    });
  });
  const path = join(directory, 'qmp');
  server.listen(path);
  await once(server, 'listening');
  t.after(() => {
    server.close();
    rmSync(directory, { recursive: true, force: true });
  });
  return path;
}
