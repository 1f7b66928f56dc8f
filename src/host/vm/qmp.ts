// QEMU's machine protocol: JSON lines over a Unix socket (QEMU documentation, "QEMU Machine Protocol
// Specification"). One command at a time is enough here; events are handed to listeners.

import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

interface QmpMessage {
  QMP?: unknown;
  return?: unknown;
  error?: { class: string; desc: string };
  event?: string;
  data?: Record<string, unknown>;
}

/** QEMU answers within milliseconds, on a busy computer within seconds; one that is frozen never does. */
const GREETING_LIMIT_MS = 30_000;
const CLOSED = 'QEMU closed its control socket';

export type QmpEventListener = (event: string, data: Record<string, unknown>) => void;

export class QmpClient {
  readonly #socket: Socket;
  readonly #replies: { resolve: (value: unknown) => void; reject: (error: Error) => void }[] = [];
  readonly #listeners = new Set<QmpEventListener>();
  /** Resolves when QEMU has gone, or `close` was called, and all that came before was handed on. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    const fail = (error?: Error): void => this.#failAll(error ?? new Error(CLOSED));
    // Lines are handed on as they come. A QEMU that has gone without reading all that it was sent, the end of a line maybe, leaves
    // an error (ECONNRESET) in the place of the end that readline waits for.
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', fail).on('close', () => fail());
    // readline hands on the errors of its input, and an unheard one ends the process.
    const lines = createInterface({ input: socket });
    lines.on('line', (line) => this.#receive(line)).on('error', fail);
  }

  /** Connects and leaves the negotiation mode. Rejects when nobody listens at `path`, or says nothing. */
  static async connect(path: string, limitMs = GREETING_LIMIT_MS): Promise<QmpClient> {
    const socket = createConnection(path);
    await once(socket, 'connect');
    const client = new QmpClient(socket);
    socket.setTimeout(limitMs, () => socket.destroy());
    await client.execute('qmp_capabilities');
    socket.setTimeout(0);
    return client;
  }

  execute(command: string, args?: Record<string, unknown>): Promise<unknown> {
    const message = args === undefined ? { execute: command } : { execute: command, arguments: args };
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) throw new Error(CLOSED);
      this.#replies.push({ resolve, reject });
      this.#socket.write(`${JSON.stringify(message)}\n`);
    });
  }

  /** A command of the human monitor; its text output. */
  async monitor(commandLine: string): Promise<string> {
    return String(await this.execute('human-monitor-command', { 'command-line': commandLine }));
  }

  onEvent(listener: QmpEventListener): void {
    this.#listeners.add(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(line: string): void {
    let message: QmpMessage;
    try {
      message = JSON.parse(line) as QmpMessage;
    } catch {
      // The end of a QEMU that has gone in the middle of it, or no QEMU.
      this.#socket.destroy();
      return;
    }
    if (message.event !== undefined) {
      for (const listener of this.#listeners) listener(message.event, message.data ?? {});
    } else if (message.error) {
      this.#replies.shift()?.reject(new Error(`QEMU refuses the command: ${message.error.desc}`));
    } else if ('return' in message) {
      this.#replies.shift()?.resolve(message.return);
    }
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#replies.splice(0)) reject(error);
  }
}
