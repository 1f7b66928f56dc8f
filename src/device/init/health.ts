// Init's own health loop: whether the control API answers over its socket, as a client sees it. An init that nobody can
// ask about services, or tell to restart one, is of no use. What decides is whether init has had the processor time to
// answer, not the clock: a device whose host is busy, or whose apps all start, is slow, not ill.

import { connect } from 'node:net';
import { INIT_API } from '../../shared/api/init-api.ts';
import { afterTurns } from './turns.ts';

const INTERVAL_MS = 10_000;
/** An answer takes less than ten turns of the event loop. */
const ANSWER_LIMIT_TURNS = 50;
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

/** Whether the control API answers as it should before its time is up. */
export function answers(socketPath: string, limitTurns = ANSWER_LIMIT_TURNS): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const end = (answered: boolean): void => {
      callOff();
      socket.destroy();
      resolve(answered);
    };
    const callOff = afterTurns(limitTurns, () => end(false));
    socket.on('error', () => end(false));
    socket.on('close', () => end(false));
    socket.once('data', (start) => end(start.toString('latin1').startsWith('HTTP/1.1 200 ')));
    socket.write(`GET ${INIT_API.services} HTTP/1.1\r\nhost: init\r\nconnection: close\r\n\r\n`);
  });
}
