// Bounds the server's connections. A newcomer over the limit displaces the connection that has been
// without a request for longest, so that a thousand idle ones cannot keep a person out; when all are
// busy, the newcomer is turned away.

import type http from 'node:http';
import type net from 'node:net';

export class ConnectionLimit {
  readonly #max: number;
  /** In order of becoming idle, the longest first. */
  readonly #idle = new Set<net.Socket>();
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get openCount(): number {
    return this.#open;
  }

  accept(socket: net.Socket): void {
    if (this.#open >= this.#max) {
      const [displaced] = this.#idle;
      if (!displaced) {
        socket.destroy();
        return;
      }
      this.#idle.delete(displaced);
      displaced.destroy();
    }
    this.#open++;
    this.#idle.add(socket);
    socket.once('close', () => {
      this.#open--;
      this.#idle.delete(socket);
    });
  }

  /** From the request's headers to the end of its answer the connection is not idle. */
  serve(socket: net.Socket, response: http.ServerResponse): void {
    this.#idle.delete(socket);
    response.once('close', () => {
      if (!socket.destroyed) this.#idle.add(socket);
    });
  }
}
