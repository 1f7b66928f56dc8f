// The one place that an update, or the check before a roll-back, holds on a device: whoever has it may write the slot
// that does not run. It ends with everything closed: when its client says so or is silent for too long, when the
// same client begins anew, when the trial begins, or when the disk fails.

import { randomBytes } from 'node:crypto';

import { ChunkStreamDecoder } from '../../formats/chunk-stream.ts';
import type {
  ChunksReceived,
  SessionView,
  UpdateClient,
  UpdateOffer,
} from '../../shared/update/update-api.ts';
import { clockTimeOf, monotonicMs } from '../monotonic.ts';
import type { InstallProgress } from './install-progress.ts';
import { ChunkError, type InstallResult, type SlotInstaller } from './slot-installer.ts';
import type { OpenUpdateDisk } from './update-disk.ts';
import { SessionEnded, UpdateConflict, UpdateFailure } from './update-refusal.ts';

/** What there is to do, once it is known. */
export interface SessionWork {
  /** null: nothing, this build runs already. */
  installer: SlotInstaller | null;
  offer: Omit<UpdateOffer, 'id'>;
  /** When the image was signed. */
  signedAtSec: number;
}

export interface SessionOptions {
  client: UpdateClient;
  buildId: string;
  idleMs: number;
  /** The place is free again. */
  onEnd: (session: UpdateSession, reason: Error) => void;
}

export class UpdateSession {
  /** Whoever knows it may send: as good as a password for a while. */
  readonly id = randomBytes(16).toString('hex');
  readonly #options: SessionOptions;
  readonly #abort = new AbortController();
  /** Monotonic, as is the next one. */
  readonly #startedAt = monotonicMs();
  #heardAt = monotonicMs();
  #idleTimer: NodeJS.Timeout | undefined;
  /** What goes on; it ends soon after the signal. */
  readonly #acts = new Set<Promise<unknown>>();
  #closed: Promise<unknown> | undefined;
  #disk: OpenUpdateDisk | undefined;
  #work: SessionWork | undefined;
  #transfer: AbortController | undefined;
  #install: 'none' | 'going on' | 'done' = 'none';

  constructor(options: SessionOptions) {
    this.#options = options;
  }

  get clientId(): string {
    return this.#options.client.id;
  }

  /** The signal's reason says why the session has ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get view(): SessionView {
    const { client, buildId } = this.#options;
    return {
      client: client.name,
      startedAtMs: clockTimeOf(this.#startedAt),
      lastHeardAtMs: clockTimeOf(this.#heardAt),
      buildId,
    };
  }

  /** What there was to do, once the slot is installed. Throws UpdateConflict. */
  get installed(): SessionWork {
    if (!this.#work || this.#install !== 'done')
      throw new UpdateConflict('wrong-step', 'The image is not installed yet');
    return this.#work;
  }

  async prepare(prepare: () => Promise<SessionWork>): Promise<SessionWork> {
    return this.perform(async () => (this.#work = await prepare()));
  }

  /**
   * The disk is closed with the session. Has to be called within `perform`: a session that is closed would not know
   * of the disk.
   */
  openDisk(open: () => OpenUpdateDisk): OpenUpdateDisk {
    this.signal.throwIfAborted();
    return (this.#disk = open());
  }

  /** Anything of some length: the session does not count as idle meanwhile, and its end waits for this one's. */
  async perform<T>(act: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    clearTimeout(this.#idleTimer);
    const running = act();
    this.#acts.add(running);
    try {
      return await running;
    } catch (error) {
      // What fails because of the end fails in many ways.
      throw this.signal.aborted ? this.signal.reason : error;
    } finally {
      this.#acts.delete(running);
      this.#hear();
    }
  }

  /** Takes a chunk stream. The newest transfer counts: of the one before, the client has lost hold. */
  async receive(open: (signal: AbortSignal) => AsyncIterable<Uint8Array>): Promise<ChunksReceived> {
    const installer = this.#readyInstaller();
    this.#transfer?.abort(new SessionEnded('The client has begun to send anew'));
    const transfer = new AbortController();
    this.#transfer = transfer;
    // One after the other: two would write at once.
    const before = [...this.#acts];
    return this.#orFail(async () => {
      await Promise.allSettled(before);
      return this.#receiveChunks(installer, open(AbortSignal.any([this.signal, transfer.signal])));
    });
  }

  async #receiveChunks(installer: SlotInstaller, pieces: AsyncIterable<Uint8Array>): Promise<ChunksReceived> {
    const decoder = new ChunkStreamDecoder();
    const received = { chunks: 0, bytes: 0 };
    for await (const piece of pieces) {
      this.#heardAt = monotonicMs();
      for (const { index, bytes } of decoder.push(piece)) {
        await installer.receive(index, bytes).catch(blame);
        received.chunks++;
        received.bytes += bytes.length;
      }
    }
    decoder.end();
    return { ...received, missingChunks: installer.missing().length };
  }

  /** Throws UpdateConflict while chunks are missing; nothing has happened then. `gone`: nobody waits for it any more. */
  async install(report: (progress: InstallProgress) => void, gone: AbortSignal): Promise<InstallResult> {
    const installer = this.#readyInstaller();
    this.#install = 'going on';
    this.#transfer?.abort(new SessionEnded('The client went on to install'));
    await Promise.allSettled(this.#acts);
    const missing = installer.missing().length;
    if (missing > 0) {
      this.#install = 'none';
      throw new UpdateConflict('wrong-step', `${missing} chunks are missing`);
    }
    const leave = () => void this.end(new SessionEnded('The client has gone'));
    gone.addEventListener('abort', leave, { once: true });
    // The session may have gone during the wait.
    if (gone.aborted) leave();
    return this.#orFail(async () => {
      const result = await installer.install(report).catch(blame);
      this.#install = 'done';
      return result;
    });
  }

  #readyInstaller(): SlotInstaller {
    this.signal.throwIfAborted();
    if (this.#install === 'going on') throw new UpdateConflict('wrong-step', 'The image is being installed');
    if (this.#install === 'done') throw new UpdateConflict('wrong-step', 'The image is installed');
    if (!this.#work?.installer) throw new UpdateConflict('nothing-to-do', 'There is nothing to install');
    return this.#work.installer;
  }

  async #orFail<T>(act: () => Promise<T>): Promise<T> {
    try {
      return await this.perform(act);
    } catch (error) {
      if (error instanceof UpdateFailure) await this.end(new SessionEnded(error.message, { cause: error }));
      throw error;
    }
  }

  #hear(): void {
    this.#heardAt = monotonicMs();
    clearTimeout(this.#idleTimer);
    if (this.#acts.size > 0 || this.signal.aborted) return;
    const { idleMs } = this.#options;
    this.#idleTimer = setTimeout(() => {
      void this.end(new SessionEnded(`Nothing was heard of the client for ${idleMs / 1000} s`));
    }, idleMs);
  }

  /** Resolves when everything is closed. The first reason counts. */
  async end(reason: Error): Promise<void> {
    this.#closed ??= this.#finish(reason, async () => {});
    await this.#closed;
  }

  /** Ends the session, and keeps its place for what comes after it: nobody else writes before that is through. */
  async handOver<T>(reason: Error, next: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    const through = this.#finish(reason, next);
    this.#closed = Promise.allSettled([through]);
    return through;
  }

  async #finish<T>(reason: Error, last: () => Promise<T>): Promise<T> {
    try {
      await this.#close(reason);
      return await last();
    } finally {
      this.#options.onEnd(this, reason);
    }
  }

  async #close(reason: Error): Promise<void> {
    clearTimeout(this.#idleTimer);
    this.#abort.abort(reason);
    while (this.#acts.size > 0) await Promise.allSettled(this.#acts);
    try {
      this.#disk?.[Symbol.dispose]();
    } catch {
      // The disk has failed; what had to be on it was flushed, and that told.
    }
    this.#disk = undefined;
    this.#work = undefined;
  }
}

/** What is not the client's fault is the device's. */
function blame(error: unknown): never {
  throw error instanceof ChunkError ? error : new UpdateFailure(error as Error);
}
