// How a server ends without losing a request: it accepts no more, answers what it has accepted, and closes each
// connection behind its last answer. Node's own `close` will not do: it takes a connection that has sent nothing yet
// for one that has nothing to say.

import type http from 'node:http';
import net from 'node:net';

export class LastAnswers {
  readonly #servers: net.Server[] = [];
  readonly #responses = new Set<http.ServerResponse>();
  /** Connections on which all has been answered: more may come, but nothing is owed. */
  readonly #settled = new Set<net.Socket>();
  #isFinishing = false;

  watch(server: http.Server): void {
    this.#servers.push(server);
    server.on('connection', (socket: net.Socket) => {
      socket.once('close', () => this.#settled.delete(socket));
    });
    server.on('request', (request, response) => {
      const { socket } = request;
      this.#settled.delete(socket);
      this.#responses.add(response);
      if (this.#isFinishing) response.shouldKeepAlive = false;
      response.once('close', () => {
        this.#responses.delete(response);
        if (!socket.destroyed && !this.#owes(socket)) this.#settle(socket);
      });
    });
  }

  /** A server that hands its connections to one that is watched. */
  alsoClose(server: net.Server): void {
    this.#servers.push(server);
  }

  /** Resolves when the last connection is closed. */
  async finish(): Promise<void> {
    this.#isFinishing = true;
    for (const response of this.#responses) response.shouldKeepAlive = false;
    const closed = this.#servers.map(
      (server) => new Promise((resolve) => void net.Server.prototype.close.call(server, resolve)),
    );
    for (const socket of this.#settled) socket.destroy();
    await Promise.all(closed);
  }

  #owes(socket: net.Socket): boolean {
    return [...this.#responses].some(({ req }) => req.socket === socket);
  }

  #settle(socket: net.Socket): void {
    if (this.#isFinishing) socket.destroySoon();
    else this.#settled.add(socket);
  }
}
