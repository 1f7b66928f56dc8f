// What is said to a socket: requests to the web server, before it knows who asks, and the lines of an app to init. The servers
// are the real ones; what they must not do is hang, or throw where nobody awaits.

import { mkdtempSync } from 'node:fs';
import { connect, type NetConnectOpts } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AppSocket } from '../../../src/device/init/supervisor/app-socket.ts';
import { startWebDevice, type WebDevice } from '../../support/web/web-device.ts';
import { type FuzzTarget, type Outcome, utf8 } from '../fuzz-target.ts';

const ANSWER_LIMIT_MS = 5000;

/** The first bytes of the answer; '' when the other side has only closed. */
async function say(where: NetConnectOpts, input: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(where);
    let answer = '';
    const timer = setTimeout(() => socket.destroy(), ANSWER_LIMIT_MS);
    socket.on('data', (chunk: Buffer) => (answer = (answer + chunk.toString('latin1')).slice(0, 64)));
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve(answer);
    });
    socket.end(input);
  });
}

const request = (head: string, body = ''): Uint8Array =>
  utf8(`${head}\r\nHost: localhost\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
const JSON_TYPE = '\r\nContent-Type: application/json';

let device: Promise<WebDevice> | undefined;

/** So many connections a second are allowed by the real thing. */
const CONNECTIONS_PER_SOCKET = 150;
let socket: { path: string; left: number; server: AppSocket } | undefined;

async function openAppSocket(): Promise<string> {
  if (socket !== undefined && socket.left-- > 0) return socket.path;
  socket?.server.close();
  const path = join(mkdtempSync(join(tmpdir(), 'tsk-fuzz-')), 'app', 'app.sock');
  const server = new AppSocket(path, { onReady: () => {}, whenMet: async () => {} });
  await server.open({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  socket = { path, left: CONNECTIONS_PER_SOCKET, server };
  return path;
}

export const SOCKET_TARGETS = {
  http: {
    corpus: () => [
      request('GET /health HTTP/1.1'),
      request('GET /api/v1/status?x=1 HTTP/1.1\r\nAuthorization: Basic dHNrOmRlbW8='),
      request(`POST /api/v1/sessions HTTP/1.1${JSON_TYPE}`, '{"password":"wrong"}'),
      request(
        `POST /api/v1/services/app/restart HTTP/1.1${JSON_TYPE}\r\nAuthorization: Basic dHNrOmRlbW8=`,
        '{}',
      ),
      request(
        `POST /api/v1/updates HTTP/1.1${JSON_TYPE}\r\nAuthorization: Basic dHNrOmRlbW8=`,
        '{"client":{}}',
      ),
    ],
    run: async (input): Promise<Outcome> => {
      const { port } = await (device ??= startWebDevice());
      const answer = await say({ port, host: '127.0.0.1' }, input);
      if (answer !== '' && !answer.startsWith('HTTP/1.1 '))
        throw new Error(`Answered ${JSON.stringify(answer)}`);
      if (/^HTTP\/1.1 500/.test(answer)) throw new Error('Answered 500');
      return answer.slice(0, 12);
    },
    refuses: () => false,
    form: 'text',
  },
  'app-socket': {
    corpus: () => ['ready\n', 'wait clock network app:other\n', 'wait app:x app:y\n'].map(utf8),
    run: async (input): Promise<Outcome> => {
      const answer = await say({ path: await openAppSocket() }, input);
      if (!/^(?:|ok\n|error [ -~]+\n)$/.test(answer)) throw new Error(`Answered ${JSON.stringify(answer)}`);
      return answer;
    },
    refuses: () => false,
    form: 'text',
  },
} satisfies Record<string, FuzzTarget>;
