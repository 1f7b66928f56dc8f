// Brings an image into the slot of a device that does not run, and asks the device to try it. Whatever breaks off
// is begun anew: the device finds by itself what has arrived.

import { setTimeout as delay } from 'node:timers/promises';
import type { TryAccepted, UpdateOffer } from '../../../shared/update/update-api.ts';
import type { ConfirmBy } from '../../../shared/update/update-state.ts';
import { NoAnswerError } from '../../devices/no-answer-error.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import { UserError } from '../../user-error.ts';
import { compressedChunks, type ImageFiles } from './chunk-source.ts';
import { InstallSteps } from './install-steps.ts';
import { PageWatch } from './page-watch.ts';
import type { UpdateContext } from './update-context.ts';
import { lostForGood } from './update-problems.ts';

/** With nothing new on the device after them. */
const MAX_VAIN_TRIES = 4;

export interface TransferOptions {
  image: ImageFiles;
  /** Begins a session; called again after each interruption. null: there is to be none. */
  open: () => Promise<UpdateOffer | null>;
  /** What the first session has found out; false: that was all. */
  onOffer: (offer: UpdateOffer | null) => boolean;
  /** The switch is near. */
  beforeTry: (offer: UpdateOffer) => Promise<void>;
  confirmBy: ConfirmBy;
  buildId: string;
  fromBuildId: string;
  /** Ids of the history before. */
  knownRecords: ReadonlySet<string>;
}

export interface Transferred extends Pick<TryAccepted, 'mode'> {
  /** null: the answer was lost, and it was seen otherwise that it was a yes. */
  trialId: string | null;
  writtenBytes: number;
}

/** null: `onOffer` did not want more. */
export async function transfer(
  context: UpdateContext,
  options: TransferOptions,
): Promise<Transferred | null> {
  return new Transfer(context, options).run();
}

class Transfer {
  readonly #context: UpdateContext;
  readonly #options: TransferOptions;
  #sessionId: string | undefined;
  #writtenBytes = 0;

  constructor(context: UpdateContext, options: TransferOptions) {
    this.#context = context;
    this.#options = options;
  }

  async run(): Promise<Transferred | null> {
    let isFirst = true;
    let vainTries = 0;
    let missingBytes = Infinity;
    try {
      for (;;) {
        try {
          const offer = await this.#open();
          if (isFirst && !this.#options.onOffer(offer)) return null;
          if (offer === null) return null;
          isFirst = false;
          if (offer.missingBytes < missingBytes) vainTries = 0;
          missingBytes = offer.missingBytes;
          return await this.#go(offer);
        } catch (error) {
          this.#context.signal.throwIfAborted();
          vainTries += 1;
          if (vainTries > MAX_VAIN_TRIES || !this.#isWorthAnotherTry(error)) throw error;
          if (error instanceof NoAnswerError) await this.#reconnect();
        }
      }
    } finally {
      await this.#endSession();
    }
  }

  async #open(): Promise<UpdateOffer | null> {
    this.#sessionId = undefined;
    const offer = await this.#options.open();
    if (offer !== null && offer.mode !== 'none') this.#sessionId = offer.id;
    return offer;
  }

  async #go(offer: UpdateOffer): Promise<Transferred> {
    this.#context.take({ type: 'session' });
    if (offer.missingChunks.length > 0) await this.#send(offer);
    await this.#install(offer);
    this.#context.take({ type: 'installed' });
    return this.#try(offer);
  }

  /** A session that is over, a stream that arrived damaged: the device says what is missing, and that is sent. */
  #isWorthAnotherTry(error: unknown): boolean {
    return (
      error instanceof NoAnswerError ||
      (this.#sessionId !== undefined && error instanceof RefusalError && error.statusCode < 500)
    );
  }

  async #send(offer: UpdateOffer): Promise<void> {
    const { api, report } = this.#context;
    const { missingChunks, missingBytes } = offer;
    const chunks = missingChunks.length === 1 ? 'one chunk' : `${missingChunks.length} chunks`;
    const step = report.start(`Sending ${chunks}`, missingBytes);
    let problem: unknown;
    async function* body(image: ImageFiles): AsyncGenerator<Uint8Array> {
      try {
        yield* compressedChunks(image, missingChunks, (lengthBytes) => step.advance(lengthBytes));
      } catch (error) {
        problem = error;
        throw error;
      }
    }
    try {
      await api.sendChunks(offer.id, body(this.#options.image));
    } catch (error) {
      step.done('broken off');
      // That the image cannot be read here ends the request too, and looks like a lost connection.
      throw problem ?? error;
    }
    step.done();
  }

  async #install(offer: UpdateOffer): Promise<void> {
    const { api, report, hostname } = this.#context;
    const steps = new InstallSteps(report);
    try {
      for await (const event of api.install(offer.id)) {
        if (event.event === 'progress') steps.show(event);
        else if (event.event === 'installed') {
          this.#writtenBytes += event.writtenBytes;
          return;
        } else {
          throw new UserError(`Cannot update "${hostname}": ${event.message}`, {
            hint: 'It runs as before. If it says this again, look at its disk: "tsk logs kernel".',
          });
        }
      }
    } finally {
      steps.end();
    }
    throw new NoAnswerError(`Cannot update "${hostname}": it broke off while it wrote the image`);
  }

  async #try(offer: UpdateOffer): Promise<Transferred> {
    const { buildId, fromBuildId, confirmBy } = this.#options;
    await this.#options.beforeTry(offer);
    this.#context.take({ type: 'asked', buildId, fromBuildId });
    let accepted: Pick<Transferred, 'mode' | 'trialId'>;
    try {
      accepted = await this.#context.api.try(offer.id, { confirmBy });
    } catch (error) {
      this.#context.signal.throwIfAborted();
      const seen = error instanceof NoAnswerError ? await this.#seeTrial() : undefined;
      if (seen === undefined) {
        this.#context.take({ type: 'not begun' });
        throw error;
      }
      accepted = seen;
    }
    this.#sessionId = undefined;
    this.#context.take({ type: 'trial', buildId, fromBuildId, rollsBackAtMs: null, confirmBy });
    return { ...accepted, writtenBytes: this.#writtenBytes };
  }

  /** Whether the trial has begun, when the answer to that was lost. */
  async #seeTrial(): Promise<Pick<Transferred, 'mode' | 'trialId'> | undefined> {
    const { limits, signal } = this.#context;
    const { buildId, knownRecords } = this.#options;
    let deadlineMs = performance.now() + limits.recordMs;
    while (performance.now() < deadlineMs) {
      try {
        const { trial, history } = await this.#context.api.poll();
        if (trial?.buildId === buildId) return { mode: trial.mode, trialId: trial.id };
        const record = history.find(({ id, toBuildId }) => toBuildId === buildId && !knownRecords.has(id));
        if (record !== undefined) return { mode: record.mode, trialId: record.id };
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof NoAnswerError)) throw error;
        await this.#reconnect();
        // Only now it can be asked.
        deadlineMs = performance.now() + limits.recordMs;
      }
      await delay(limits.pollMs, undefined, { signal });
    }
    return undefined;
  }

  async #reconnect(): Promise<void> {
    const { link, limits, report, signal, hostname } = this.#context;
    const step = report.start(`Lost the connection to ${hostname}; waiting for it`);
    const page = new PageWatch(link.client);
    try {
      await link.waitUntilBack(page, limits.lostMs);
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof NoAnswerError ? lostForGood(hostname, limits.lostMs, error) : error;
    } finally {
      await page.stop();
    }
    step.done('connected again');
  }

  /** Unless the trial has ended it. So nobody has to wait until the device gives it up. */
  async #endSession(): Promise<void> {
    const id = this.#sessionId;
    if (id !== undefined) await this.#context.endSession(id);
  }
}
