// Bounds the server's connections and what waits on each. A newcomer over the limit displaces the connection that has
// been without a request for longest, so that a thousand idle ones cannot keep a person out; when all are busy, the
// newcomer is turned away. Only requests of those who may make them keep a connection busy: anybody can begin a login,
// and take his time.

import type http from 'node:http';
import type net from 'node:net';

/** Nobody sends so many before the first is answered. All that come in one packet are begun at once. */
const MAX_WAITING_REQUESTS = 16;

export class ConnectionLimit {
  readonly #max: number;
  /** Connections in order of becoming idle, the longest first. */
  readonly #idle = new Set<net.Socket>();
  /** Requests that are not answered yet, of each connection that has any. */
  readonly #waiting = new Map<net.Socket, number>();
  /** Of connections with TLS, by what requests name as theirs. */
  readonly #carriers = new WeakMap<net.Socket, net.Socket>();
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
      this.#waiting.delete(socket);
    });
  }

  /** Requests of `socket` come over `carrier`, which was accepted. */
  carry(socket: net.Socket, carrier: net.Socket): void {
    this.#carriers.set(socket, carrier);
  }

  /** A request has come. False: it is one too many, and its connection is cut off. */
  admit(requested: net.Socket, response: http.ServerResponse): boolean {
    const socket = this.#carrierOf(requested);
    const waiting = (this.#waiting.get(socket) ?? 0) + 1;
    if (waiting > MAX_WAITING_REQUESTS) socket.destroy();
    if (socket.destroyed) return false;
    this.#waiting.set(socket, waiting);
    response.once('close', () => {
      this.#answered(socket);
    });
    return true;
  }

  /** A connection is not idle until all that was asked on it is answered. */
  serve(requested: net.Socket): void {
    const socket = this.#carrierOf(requested);
    if (this.#waiting.has(socket)) this.#idle.delete(socket);
  }

  /** The connection has become something else than requests, and is not idle until it is closed. */
  keep(requested: net.Socket): void {
    this.#idle.delete(this.#carrierOf(requested));
  }

  #carrierOf(socket: net.Socket): net.Socket {
    return this.#carriers.get(socket) ?? socket;
  }

  #answered(socket: net.Socket): void {
    const waiting = (this.#waiting.get(socket) ?? 0) - 1;
    if (waiting > 0) this.#waiting.set(socket, waiting);
    if (waiting !== 0) return;
    this.#waiting.delete(socket);
    if (socket.destroyed) return;
    // One that stayed idle moves, too: whoever asks is the last to be displaced.
    this.#idle.delete(socket);
    this.#idle.add(socket);
  }
}
