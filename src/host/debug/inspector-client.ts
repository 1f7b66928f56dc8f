// A client of the inspector's protocol (Chrome DevTools Protocol) over a connection to it: requests with their answers, and
// events. What comes is an app's word, bounded in size, and maybe not what the protocol says.

import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import { encodeClientFrame, type ReceivedMessage, ServerFrames } from '../../formats/websocket.ts';
import { UserError } from '../user-error.ts';
import { objectOf, textOf } from './loose-values.ts';
import { AppGoneError } from './app-gone-error.ts';

const MAX_HEAD_BYTES = 16 * 1024;
/** A profile comes in one message, a heap snapshot in pieces. */
const MAX_MESSAGE_BYTES = 256 * 1024 * 1024;
const HEAD_END = '\r\n\r\n';

/** An answer that says no. */
export class ProtocolError extends Error {}

interface Waiting {
  resolve: (result: Record<string, unknown>) => void;
  reject: (error: Error) => void;
}

export class InspectorClient {
  readonly #socket: Socket;
  readonly #frames = new ServerFrames(MAX_MESSAGE_BYTES);
  readonly #waiting = new Map<number, Waiting>();
  readonly #listeners = new Map<string, (params: Record<string, unknown>) => void>();
  #lastId = 0;
  #failure: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (piece: Buffer) => this.#take(piece));
    socket.on('error', (error) => this.#fail(new AppGoneError(error)));
    socket.once('close', () => this.#fail(new AppGoneError()));
  }

  /** `target` as in InspectorEndpoint. */
  static async open(socket: Socket, target: string): Promise<InspectorClient> {
    socket.write(
      [
        `GET /${target} HTTP/1.1`,
        'Host: 127.0.0.1',
        'Upgrade: websocket',
        'Connection: Upgrade',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        'Sec-WebSocket-Version: 13',
        HEAD_END,
      ].join('\r\n'),
    );
    const rest = await readHead(socket);
    const client = new InspectorClient(socket);
    if (rest.length > 0) client.#take(rest);
    return client;
  }

  /** Rejects with a ProtocolError when the inspector refuses, and with a UserError when the connection ends before. */
  async send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = ++this.#lastId;
    const answer = new Promise<Record<string, unknown>>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#write('text', Buffer.from(JSON.stringify({ id, method, params })));
    return answer;
  }

  /** One listener an event. */
  on(event: string, listener: (params: Record<string, unknown>) => void): void {
    this.#listeners.set(event, listener);
  }

  close(): void {
    if (this.#failure === undefined) this.#write('close', new Uint8Array());
    this.#fail(new AppGoneError());
    this.#socket.destroy();
  }

  #write(kind: 'text' | 'close' | 'pong', payload: Uint8Array): void {
    if (!this.#socket.destroyed) this.#socket.write(encodeClientFrame(kind, payload));
  }

  #take(piece: Uint8Array): void {
    try {
      for (const message of this.#frames.take(piece)) this.#receive(message);
    } catch (cause) {
      this.#fail(new UserError('The app sends something that is no protocol of an inspector', { cause }));
      this.#socket.destroy();
    }
  }

  #receive({ kind, payload }: ReceivedMessage): void {
    if (kind === 'ping') this.#write('pong', payload);
    if (kind === 'close') this.#socket.end();
    if (kind !== 'text') return;
    const message = objectOf(JSON.parse(Buffer.from(payload).toString('utf8')));
    const { id, method } = message;
    if (typeof method === 'string') this.#listeners.get(method)?.(objectOf(message['params']));
    if (typeof id !== 'number') return;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    const { error } = message;
    if (error === undefined) waiting?.resolve(objectOf(message['result']));
    else waiting?.reject(new ProtocolError(textOf(objectOf(error)['message'])));
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

/** Resolves with what comes behind the head of the answer. */
async function readHead(socket: Socket): Promise<Buffer> {
  let head = Buffer.alloc(0);
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const gone = (): void => reject(new AppGoneError());
  const onData = (piece: Buffer): void => {
    head = Buffer.concat([head, piece]);
    const end = head.indexOf(HEAD_END);
    if (end < 0 && head.length <= MAX_HEAD_BYTES) return;
    if (!head.toString('latin1', 0, 13).startsWith('HTTP/1.1 101 '))
      return reject(new UserError('The inspector of the app does not take this connection'));
    resolve(head.subarray(end + HEAD_END.length));
  };
  socket.on('data', onData).once('close', gone).once('error', gone);
  try {
    return await promise;
  } finally {
    socket.off('data', onData).off('close', gone).off('error', gone);
  }
}
