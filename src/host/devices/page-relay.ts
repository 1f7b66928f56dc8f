// The page of a device for a browser on this computer: a server on a loopback port behind which is TLS to a device that
// has proved its key. So the browser needs to know no certificate, and nobody in between hears anything.
//
// Others who use this computer can connect to loopback ports, too. They get nothing: on Linux the kernel tells whose a
// connection is, and everywhere else and besides, what is asked for has to come with a token, which is handed out once, to
// whoever first asks with a code that is drawn for the occasion.

import { randomBytes } from 'node:crypto';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SESSION_STORED_AS } from '../../shared/api/web-api.ts';
import { http } from '../http.ts';
import type { DeviceClient } from './device-client.ts';
import { ownsConnection } from './owns-connection.ts';

const HOST = '127.0.0.1';
/** The parts of the page, which any device shows anybody. All else needs the token. */
const OPEN = /^\/(?:$|\?|assets\/)/;
/** Of one connection (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface PageRelay {
  /** For the browser. It leads to the page once. */
  url: string;
  /** Ends the browser's session on the device, too. */
  close(): Promise<void>;
}

export interface RelayOptions {
  isMine?: (socket: Socket) => Promise<boolean>;
  /** What the tab is to keep besides, by name. */
  stored?: Readonly<Record<string, string>>;
}

export async function startPageRelay(client: DeviceClient, options: RelayOptions = {}): Promise<PageRelay> {
  const { isMine = (socket) => ownsConnection(socket), stored = {} } = options;
  const { token } = await client.logIn();
  const code = `/${randomBytes(24).toString('base64url')}`;
  const relay = new Relay(client, { code, token, isMine, stored });
  const server = http.createServer((request, response) => void relay.answer(request, response));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, HOST, resolve);
  });
  const { port } = server.address() as AddressInfo;
  relay.port = port;
  return { url: `http://${HOST}:${port}${code}`, close: () => relay.close(server) };
}

interface Secrets {
  code: string;
  token: string;
  isMine: (socket: Socket) => Promise<boolean>;
  stored: Readonly<Record<string, string>>;
}

class Relay {
  readonly #secrets: Secrets;
  readonly #agent;
  #isUsed = false;
  port = 0;

  constructor(client: DeviceClient, secrets: Secrets) {
    this.#secrets = secrets;
    // A handshake takes a small device some milliseconds: connections are kept.
    const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 4 });
    agent.createConnection = (_options, done) => {
      void hand(client.connect(), done);
      return undefined;
    };
    this.#agent = agent;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '' } = request;
    try {
      if (!(await this.#mayAsk(request))) refuse(response, 403, 'This is for another user of this computer.');
      else if (url === this.#secrets.code) this.#handOver(response);
      else if (OPEN.test(url) || this.#hasToken(request)) await this.#pass(request, response);
      else refuse(response, 403, 'Call "tsk open" again: this login is over, or was never made.');
    } catch (error) {
      // What the device's certificate or silence has to say; it goes to the person who looks at the page.
      refuse(response, 502, error instanceof Error ? error.message : String(error));
    }
  }

  async close(server: Server): Promise<void> {
    const headers = { Authorization: `Bearer ${this.#secrets.token}`, Host: 'localhost' };
    const end = await this.#send({ method: 'DELETE', path: '/api/v1/sessions', headers }).catch(
      () => undefined,
    );
    end?.resume();
    server.close();
    server.closeAllConnections();
    this.#agent.destroy();
  }

  /** A page of another site may call this port by a name of its own. */
  async #mayAsk({ headers, socket }: IncomingMessage): Promise<boolean> {
    return headers.host === `${HOST}:${this.port}` && (await this.#secrets.isMine(socket));
  }

  #hasToken({ headers }: IncomingMessage): boolean {
    return headers.authorization === `Bearer ${this.#secrets.token}`;
  }

  #handOver(response: ServerResponse): void {
    if (this.#isUsed) {
      refuse(response, 410, 'This address has been used already. Call "tsk open" again for another.');
      return;
    }
    this.#isUsed = true;
    const { token, stored } = this.#secrets;
    const store = Object.entries({ [SESSION_STORED_AS]: token, ...stored })
      .map(([name, value]) => `sessionStorage.setItem(${JSON.stringify(name)}, ${JSON.stringify(value)});`)
      .join(' ');
    response.writeHead(200, {
      'Content-Type': 'text/html; charset=utf-8',
      'Cache-Control': 'no-store',
      'Referrer-Policy': 'no-referrer',
    });
    response.end(`<!doctype html><title>tsk open</title><script>${store} location.replace('/');</script>\n`);
  }

  async #pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url: path = '/' } = request;
    const answer = await this.#send({ method, path, headers: endToEnd(request.headers) }, request);
    response.on('close', () => answer.destroy());
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    // Who looks away in the middle of a live view has no complaint.
    await pipeline(answer, response).catch(() => response.destroy());
  }

  #send(
    options: { method: string; path: string; headers: Record<string, string | string[]> },
    body?: IncomingMessage,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = http.request({ ...options, agent: this.#agent, setHost: false });
      request.once('response', resolve).once('error', reject);
      if (body === undefined) request.end();
      else pipeline(body, request).catch(reject);
    });
  }
}

type Handed = (error: Error | null, socket: Duplex) => void;

async function hand(connecting: Promise<Duplex>, done: Handed | undefined): Promise<void> {
  try {
    done?.(null, await connecting);
  } catch (error) {
    // There is no socket beside an error.
    done?.(error as Error, undefined as never);
  }
}

function endToEnd(headers: IncomingMessage['headers']): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(
    ([name, value]) => value !== undefined && !HOP_BY_HOP.has(name),
  );
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' });
  response.end(`${message}\n`);
}
