// TLS before the HTTP server, in the same process: what a connection says is for that server as soon as its handshake is
// over. A handshake that fails costs its connection, takes a limited time, and is not worth a line in the log: anybody
// can fail as often as he likes.

import net from 'node:net';
import { TLSSocket } from 'node:tls';

import type { ConnectionLimit } from './connection-limit.ts';
import type { TlsCredentials } from './tls-credentials.ts';
import { logError } from './log.ts';

export interface TlsFrontOptions {
  credentials: TlsCredentials;
  /** Shared with connections in clear. */
  connections: ConnectionLimit;
  handshakeMs: number;
  /** Called with a connection whose handshake is over. */
  serve: (socket: TLSSocket) => void;
}

export class TlsFront {
  /** To listen with. */
  readonly server: net.Server;
  readonly #options: TlsFrontOptions;
  readonly #unfinished = new Set<net.Socket>();

  constructor(options: TlsFrontOptions) {
    this.#options = options;
    // As in node:http's own: a client of a tunnel may have said all that it had to say, and still listen.
    this.server = net.createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  close(): void {
    this.server.close();
    for (const socket of this.#unfinished) socket.destroy();
  }

  #accept(raw: net.Socket): void {
    const { connections, handshakeMs, serve } = this.#options;
    raw.on('error', () => raw.destroy());
    connections.accept(raw);
    if (raw.destroyed) return;
    const socket = this.#begin(raw);
    if (socket === undefined) {
      raw.destroy();
      return;
    }
    this.#unfinished.add(raw);
    const timer = setTimeout(() => raw.destroy(), handshakeMs);
    const settle = (): void => {
      clearTimeout(timer);
      this.#unfinished.delete(raw);
    };
    // Who says no more before it has begun to speak TLS never will.
    const giveUp = (): void => void raw.destroy();
    socket.on('error', giveUp);
    socket.once('end', giveUp);
    raw.once('close', settle);
    socket.once('secure', () => {
      settle();
      socket.off('end', giveUp);
      connections.carry(socket, raw);
      serve(socket);
    });
  }

  #begin(raw: net.Socket): TLSSocket | undefined {
    const { credentials } = this.#options;
    try {
      return new TLSSocket(raw, {
        isServer: true,
        secureContext: credentials.contextFor(''),
        SNICallback: (name, done) => done(null, credentials.contextFor(name)),
        ALPNProtocols: ['http/1.1'],
      });
    } catch (error) {
      // There is one in every image: a build that has lost it does not pass its trial.
      logError('Cannot serve TLS', error);
      return undefined;
    }
  }
}
