// Init's own health loop: does the control API answer, over the socket, as a client would see it? Whoever
// cannot be asked about services and cannot be told to restart them is of no use to anybody.

import { connect } from 'node:net';
import { INIT_API } from '../../shared/api/init-api.ts';

const INTERVAL_MS = 10_000;
const ANSWER_LIMIT_MS = 5000;
/** Failures in a row after which init gives itself up. */
const PATIENCE = 3;

export class Health {
  #failures = 0;
  readonly #socketPath: string;
  readonly #onLost: () => void;

  constructor(socketPath: string, onLost: () => void) {
    this.#socketPath = socketPath;
    this.#onLost = onLost;
  }

  get isHealthy(): boolean {
    return this.#failures < PATIENCE;
  }

  /** Checks for good. */
  keepChecking(): void {
    setTimeout(() => void this.#check(), INTERVAL_MS).unref();
  }

  async #check(): Promise<void> {
    this.#failures = (await answers(this.#socketPath)) ? 0 : this.#failures + 1;
    if (this.#failures === PATIENCE) this.#onLost();
    this.keepChecking();
  }
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), ANSWER_LIMIT_MS);
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.once('data', (start) => end(start.toString('latin1').startsWith('HTTP/1.1 200 ')));
    socket.write(`GET ${INIT_API.services} HTTP/1.1\r\nhost: init\r\nconnection: close\r\n\r\n`);
  });
}
