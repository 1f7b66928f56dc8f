// A pseudo-terminal (pty(7), ioctl_tty(2)): this program has the side that a person's keyboard and screen are at. Whoever opens
// the other side by its path, as the leader of a session of processes, has it for a terminal.

import { closeSync, constants, openSync, write } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReadStream } from 'node:tty';
import { TIOCGPTN, TIOCSPTLCK, TIOCSWINSZ } from './ioctls.ts';
import { bindLibc } from './libc.ts';

const MULTIPLEXER = '/dev/ptmx';
/** What is at the other side has not read for so long: asked again. */
const FULL_MS = 10;

const F_DUPFD_CLOEXEC = 1030;

const ioctl = bindLibc('ioctl', ['int32', 'uint64', 'buffer']);
const fcntl = bindLibc('fcntl', ['int32', 'int32', 'int64']);

export interface TerminalSize {
  columns: number;
  rows: number;
}

export class PseudoTerminal {
  /** The other side is /dev/pts/NUMBER. */
  readonly number: number;
  /** What is written at the other side; ends when nobody has that open any more. */
  readonly output: ReadStream;
  /** A descriptor of its own: the stream closes the one that it has by itself, also in the middle of a write. */
  readonly #input: number;
  /** Bytes go in as they came. */
  #typed: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(size: TerminalSize) {
    this.#input = openSync(MULTIPLEXER, constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK);
    try {
      const word = Buffer.alloc(4);
      ioctl(this.#input, BigInt(TIOCSPTLCK), word);
      ioctl(this.#input, BigInt(TIOCGPTN), word);
      this.number = word.readUInt32LE();
      this.resize(size);
      this.output = new ReadStream(fcntl(this.#input, F_DUPFD_CLOEXEC, 0n));
    } catch (error) {
      closeSync(this.#input);
      throw error;
    }
    // Its end is told by an error, EIO.
    this.output.on('error', () => this.close()).once('close', () => this.close());
  }

  /** Processes at the other side are told by SIGWINCH. */
  resize({ columns, rows }: TerminalSize): void {
    if (this.#isClosed) return;
    // struct winsize: rows, columns, and twice pixels that nobody asks for
    const size = Buffer.alloc(8);
    size.writeUInt16LE(rows, 0);
    size.writeUInt16LE(columns, 2);
    ioctl(this.#input, BigInt(TIOCSWINSZ), size);
  }

  /** Resolves when the other side has room for all of it. Not by the stream: that would wait in this program's one thread. */
  type(bytes: Uint8Array): Promise<void> {
    this.#typed = this.#typed.then(() => this.#write(bytes));
    return this.#typed;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isClosed;) {
      const { written, code } = await writeSome(this.#input, bytes.subarray(at));
      at += written;
      if (code === 'EAGAIN') await sleep(FULL_MS);
      else if (code !== undefined) return this.close();
    }
  }

  /** Hangs up: who has it for a terminal gets SIGHUP. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.output.destroy();
    void this.#typed.then(() => closeSync(this.#input));
  }
}

function writeSome(fd: number, bytes: Uint8Array): Promise<{ written: number; code?: string }> {
  return new Promise((resolve) => {
    write(fd, bytes, (error, written) => {
      resolve(error === null ? { written } : { written: 0, code: error.code ?? error.message });
    });
  });
}
