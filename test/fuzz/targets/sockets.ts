// What is said to a socket: requests to the web server, before it knows who asks, and the lines of an app to init. The servers
// are the real ones; what they must not do is hang, or throw where nobody awaits.

import type { Server } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type Duplex, duplexPair } from 'node:stream';
import { workerData } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import { AppSocket } from '../../../src/device/init/supervisor/app-socket.ts';
import type { Asset } from '../../../src/device/web/assets.ts';
import { startWebDevice, type WebDevice } from '../../support/web/web-device.ts';
import { ServerFrames } from '../../../src/formats/websocket.ts';
import type { FuzzJob } from '../fuzz-job.ts';
import { type FuzzTarget, isSyntaxError, type Outcome, utf8 } from '../fuzz-target.ts';

const ANSWER_LIMIT_MS = 5000;

/** Without one, a request that was cut down to `GET /` is answered with 500. */
const PAGE: Asset = {
  path: '/',
  contentType: 'text/html; charset=utf-8',
  etag: '"page"',
  gzip: gzipSync('<!doctype html>'),
};

/** The first bytes of the answer; '' when the other side has only closed. */
async function say(socket: Duplex, input: Uint8Array): Promise<string> {
  return new Promise((resolve) => {
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

/** A connection without the kernel, which takes half the time of one with it. */
function connectTo(server: Server): Duplex {
  const [ours, theirs] = duplexPair();
  const same = (): Duplex => theirs;
  const addresses = { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1' };
  const asSocket = { ...addresses, setTimeout: same, setKeepAlive: same };
  server.emit('connection', Object.assign(theirs, asSocket));
  return ours;
}

/** So many connections a second are allowed by the real thing. */
const CONNECTIONS_PER_SOCKET = 150;
let count = 0;
let socket: { path: string; left: number; server: AppSocket } | undefined;

async function openAppSocket(): Promise<string> {
  if (socket !== undefined && socket.left-- > 0) return socket.path;
  socket?.server.close();
  const path = join((workerData as FuzzJob).scratchDirectory, `app-${count++}`, 'app.sock');
  const server = new AppSocket(path, { onInstalled: () => {}, onReady: () => {}, whenMet: async () => {} });
  await server.open({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  socket = { path, left: CONNECTIONS_PER_SOCKET, server };
  return path;
}

/** As the inspector of an app sends them: the app may be somebody else's. */
const SERVER_FRAMES = [
  Uint8Array.of(0x81, 2, 0x7b, 0x7d),
  Uint8Array.of(0x01, 1, 0x7b, 0x89, 0, 0x80, 1, 0x7d),
  Buffer.concat([Uint8Array.of(0x81, 126, 1, 0), Buffer.alloc(256, 'x')]),
  Uint8Array.of(0x88, 0),
];

export const SOCKET_TARGETS = {
  'websocket-frames': {
    corpus: () => SERVER_FRAMES,
    run: (input) => {
      const frames = new ServerFrames(1024);
      const half = Math.floor(input.length / 2);
      const messages = [input.subarray(0, half), input.subarray(half)].flatMap((piece) => frames.take(piece));
      return messages
        .map(({ kind }) => kind)
        .join(' ')
        .slice(0, 40);
    },
    refuses: isSyntaxError,
  },
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
        'GET /api/v1/inspect/0123abcd-0123-0123-0123-0123456789ab/tunnel HTTP/1.1\r\nUpgrade: tskrazy-tunnel\r\nAuthorization: Basic dHNrOmRlbW8=',
      ),
      request(
        `POST /api/v1/updates HTTP/1.1${JSON_TYPE}\r\nAuthorization: Basic dHNrOmRlbW8=`,
        '{"client":{}}',
      ),
    ],
    run: async (input): Promise<Outcome> => {
      const { server } = await (device ??= startWebDevice({ assets: new Map([[PAGE.path, PAGE]]) }));
      const answer = await say(connectTo(server.http), input);
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
      const answer = await say(connect(await openAppSocket()), input);
      if (!/^(?:|ok\n|error [ -~]+\n)$/.test(answer)) throw new Error(`Answered ${JSON.stringify(answer)}`);
      return answer;
    },
    refuses: () => false,
    form: 'text',
  },
} satisfies Record<string, FuzzTarget>;
