// The dialogue with wpa_supplicant over one of its control sockets: commands, each with one answer, in their order; and in
// between, events that nobody has asked for. A supplicant that does not answer is given up, and so is the channel: an answer
// that comes late would be taken for another's.

import { parseSupplicantEvent, type SupplicantEvent } from '../../../formats/supplicant-control.ts';
import { UnixDatagramSocket } from '../../sys/unix-datagram-socket.ts';

/** Scans do not hold up the answer to a command. */
const ANSWER_LIMIT_MS = 10_000;
/** The answer to SCAN_RESULTS is the longest. */
const MAX_MESSAGE_BYTES = 65_536;

/** Events, and lines of its log such as `<3>Associated with ...`. */
const UNASKED = /^<\d>/;

interface Waiting {
  resolve: (answer: string) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

export interface ControlChannelOptions {
  /** Path of its own socket. */
  path: string;
  peerPath: string;
  onEvent?: (event: SupplicantEvent) => void;
  answerLimitMs?: number;
}

export class ControlChannel {
  readonly #options: ControlChannelOptions;
  readonly #socket: UnixDatagramSocket;
  readonly #waiting: Waiting[] = [];
  #isClosed = false;

  /** Throws what the kernel says: ENOENT while there is no such directory. */
  constructor(options: ControlChannelOptions) {
    this.#options = options;
    this.#socket = new UnixDatagramSocket(options.path, options.peerPath, MAX_MESSAGE_BYTES);
    this.#socket.listen((bytes) => this.#onMessage(Buffer.from(bytes).toString('latin1')));
  }

  /** The answer, without the newline at its end. Rejects when none comes; nothing can be asked after that. */
  async ask(command: string): Promise<string> {
    if (this.#isClosed) throw new Error('the supplicant does not answer any more');
    const { answerLimitMs = ANSWER_LIMIT_MS } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const timer = setTimeout(() => this.#fail('the supplicant does not answer'), answerLimitMs);
    this.#waiting.push({ resolve, reject, timer });
    try {
      this.#socket.send(Buffer.from(command, 'utf8'));
    } catch (error) {
      this.#fail(`the supplicant is not there (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
    }
    return promise;
  }

  /** Of a command whose answer is OK. The error names it, without its last word, which may be a key. */
  async tell(command: string): Promise<void> {
    const answer = await this.ask(command);
    if (answer === 'OK') return;
    throw new Error(`the supplicant refuses ${command.split(' ').slice(0, -1).join(' ')}: ${answer}`);
  }

  close(): void {
    this.#fail('the supplicant is not asked any more');
  }

  #onMessage(text: string): void {
    if (UNASKED.test(text)) {
      const event = parseSupplicantEvent(text);
      if (event !== undefined) this.#options.onEvent?.(event);
      return;
    }
    const next = this.#waiting.shift();
    clearTimeout(next?.timer);
    next?.resolve(text.trimEnd());
  }

  #fail(problem: string): void {
    const waiting = this.#waiting.splice(0);
    for (const { reject, timer } of waiting) {
      clearTimeout(timer);
      reject(new Error(problem));
    }
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}
