// Answers the requests of the update protocol: the update receiver's work and refusals as HTTP.

import type http from 'node:http';

import { ChunkStreamError } from '../../formats/chunk-stream.ts';
import {
  UPDATE_ANSWER_LIMIT_MS,
  type InstallEvent,
  type UpdateOffer,
} from '../../shared/update/update-api.ts';
import { inflateZstd } from '../update/inflate-zstd.ts';
import {
  MAX_UPDATE_REQUEST_BYTES,
  readConfirmRequest,
  readRollbackRequest,
  readTryRequest,
  readUpdateRequest,
} from '../update/read-request.ts';
import { DICTIONARY_HEADER } from '../../shared/update/manifest-dictionary.ts';
import type { InstallProgress } from '../update/install-progress.ts';
import { ChunkError } from '../update/slot-installer.ts';
import {
  BadStream,
  ImageRefusal,
  SessionEnded,
  UpdateConflict,
  UpdateFailure,
} from '../update/update-refusal.ts';
import type { UpdateReceiver } from '../update/update-receiver.ts';
import type { Exchange, Handler, WebContext } from './exchange.ts';
import { HttpError, understand } from './http-error.ts';
import { logError, logLine } from './log.ts';
import { monotonicMs } from '../monotonic.ts';
import { checkIsJson, collect, contentEncoding, readJson, receiveBody } from './request-body.ts';
import { sendJson } from './respond.ts';

/** Events of progress come no closer than this, and no further apart than that. */
const PROGRESS_MS = 200;
const HEARTBEAT_MS = 5_000;

type UpdateHandler = (
  receiver: UpdateReceiver,
  exchange: Exchange,
  context: WebContext,
) => void | Promise<void>;

/** Refusals as HttpErrors, and patience with a device that has much to read or to write. */
const answering =
  (handler: UpdateHandler): Handler =>
  async (context, exchange) => {
    const { socket } = exchange.request;
    socket.setTimeout(UPDATE_ANSWER_LIMIT_MS);
    // Finds out about clients that have gone without a word.
    socket.setKeepAlive(true, HEARTBEAT_MS);
    try {
      await handler(await context.updates.receiver(), exchange, context);
    } catch (error) {
      throw asHttpError(error);
    } finally {
      context.status.expire();
    }
  };

export const showUpdate = answering(async (receiver, { response }) => {
  sendJson(response, 200, await receiver.status());
});

export const beginUpdate = answering(async (receiver, { request, response }, context) => {
  checkIsJson(request);
  await context.updates.renewSharedFiles();
  const { offering } = await readAndBegin(receiver, request, context);
  const offer = await offering;
  logLine(`Update to slot ${offer.slot} (${offer.mode}): ${offer.missingBytes} bytes are missing here`);
  sendJson(response, 201, offer);
});

/** Resolves when the image has been let in, which is as soon as its signature is found to be right. */
async function readAndBegin(
  receiver: UpdateReceiver,
  request: http.IncomingMessage,
  { bodyPace, updates }: WebContext,
): Promise<{ offering: Promise<UpdateOffer> }> {
  // The turn may be held by a client that is gone without a word, which is noticed within a window of `bodyPace`.
  using _turn = await updates.turns.take(2 * bodyPace.windowMs);
  const dictionary = await findDictionary(receiver, request);
  const pieces = decode(request, receiveBody(request, bodyPace), dictionary);
  const body = await collect(pieces, MAX_UPDATE_REQUEST_BYTES);
  const offering = receiver.begin(understand(readUpdateRequest, body));
  // Whoever calls this waits for the offer, and hears of its failure.
  offering.catch(() => {});
  return { offering };
}

export const receiveChunks = answering(async (receiver, { request, response, params }, { bodyPace }) => {
  const session = receiver.session(params['id'] ?? '');
  const received = await session.receive((signal) => decode(request, receiveBody(request, bodyPace, signal)));
  sendJson(response, 200, received);
});

export const installUpdate = answering(async (receiver, { response, params }) => {
  const session = receiver.session(params['id'] ?? '');
  const events = new InstallEvents(response);
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  if (response.destroyed) gone.abort();
  try {
    const report = (progress: InstallProgress) => {
      events.report(progress);
    };
    const result = await session.install(report, gone.signal);
    events.end({ event: 'installed', ...result });
    logLine(`Update installed: ${result.writtenBytes} bytes were written, ${result.reusedBytes} were here`);
  } catch (error) {
    if (!response.headersSent && !(error instanceof UpdateFailure)) throw error;
    logError('Cannot install', error);
    events.end({ event: 'failed', message: (error as Error).message });
  } finally {
    events.stop();
  }
});

export const tryUpdate = answering(async (receiver, { request, response, params }, context) => {
  const wanted = understand(readTryRequest, await readJson(request, context.bodyPace));
  const accepted = await receiver.try(params['id'] ?? '', wanted);
  context.trial.begin();
  sendJson(response, 202, accepted);
});

export const leaveUpdate = answering(async (receiver, { response, params }) => {
  await receiver.leave(params['id'] ?? '');
  response.writeHead(204);
  response.end();
});

export const confirmTrial = answering(async (receiver, { request, response }, { bodyPace }) => {
  const wanted = understand(readConfirmRequest, await readJson(request, bodyPace));
  sendJson(response, 200, await receiver.confirm(wanted, 'a client without a name'));
});

export const rollBack = answering(async (receiver, { request, response }, context) => {
  const { client } = understand(readRollbackRequest, await readJson(request, context.bodyPace));
  const state = await receiver.rollBack(client);
  context.trial.begin();
  sendJson(response, 202, state);
});

async function findDictionary(
  receiver: UpdateReceiver,
  request: http.IncomingMessage,
): Promise<Uint8Array | undefined> {
  const sha256 = request.headers[DICTIONARY_HEADER.toLowerCase()];
  if (sha256 === undefined) return undefined;
  const dictionary = await receiver.dictionary(String(sha256));
  if (dictionary !== undefined) return dictionary;
  throw new HttpError('wrong-type', 'The body is compressed against a manifest that no slot has', {
    headers: { 'Accept-Encoding': 'zstd' },
  });
}

/** The body as it was before it was compressed. */
function decode(
  request: http.IncomingMessage,
  pieces: AsyncIterable<Uint8Array>,
  dictionary?: Uint8Array,
): AsyncIterable<Uint8Array> {
  const encoding = contentEncoding(request);
  if (encoding === 'identity') return pieces;
  if (encoding === 'zstd') return inflateZstd(pieces, dictionary);
  throw new HttpError('wrong-type', `The body is compressed by "${encoding.slice(0, 20)}", and not by zstd`, {
    headers: { 'Accept-Encoding': 'zstd' },
  });
}

/** An event a line. The last one is repeated now and then, so that silence means that something is wrong. */
class InstallEvents {
  readonly #response: http.ServerResponse;
  #last: InstallEvent | undefined;
  #sentAtMs = -Infinity;
  #heartbeat: NodeJS.Timeout | undefined;

  constructor(response: http.ServerResponse) {
    this.#response = response;
  }

  report(progress: InstallProgress): void {
    const isNew = this.#last?.event !== 'progress' || this.#last.phase !== progress.phase;
    this.#last = { event: 'progress', ...progress };
    const isLast = progress.doneBytes >= progress.totalBytes;
    if (isNew || isLast || monotonicMs() - this.#sentAtMs >= PROGRESS_MS) this.#send(this.#last);
    this.#heartbeat ??= setInterval(() => {
      if (this.#last) this.#send(this.#last);
    }, HEARTBEAT_MS);
  }

  /** Nothing is repeated any more. */
  stop(): void {
    clearInterval(this.#heartbeat);
  }

  end(event: InstallEvent): void {
    this.stop();
    this.#send(event);
    this.#response.end();
  }

  #send(event: InstallEvent): void {
    if (this.#response.destroyed) return;
    if (!this.#response.headersSent)
      this.#response.writeHead(200, { 'Content-Type': 'application/x-ndjson; charset=utf-8' });
    this.#sentAtMs = monotonicMs();
    this.#response.write(`${JSON.stringify(event)}\n`);
  }
}

function asHttpError(error: unknown): unknown {
  if (error instanceof HttpError || !(error instanceof Error)) return error;
  const { message } = error;
  if (error instanceof ImageRefusal)
    return new HttpError(`image-${error.reason}`, message, {
      // Clients of 0.1 read these, as they do `restartFirst`.
      details: { reason: error.reason },
      cause: error,
    });
  if (error instanceof UpdateConflict)
    return new HttpError(error.code, message, {
      details: {
        ...(error.session && { session: error.session }),
        ...(error.code === 'restart-first' && { restartFirst: true }),
      },
      cause: error,
    });
  if (error instanceof SessionEnded) return new HttpError('update-ended', message, { cause: error });
  if (error instanceof ChunkError || error instanceof ChunkStreamError || error instanceof BadStream)
    return new HttpError('chunk-damaged', message, { cause: error });
  const failure = error instanceof UpdateFailure ? error : new UpdateFailure(error);
  logError('Cannot answer', failure);
  return new HttpError('update-failed', failure.message, { cause: failure });
}
