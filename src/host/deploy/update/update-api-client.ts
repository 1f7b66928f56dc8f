// The update part of a device's API (shared/update/update-api.ts). Counts the bytes of all bodies that it sends.

import { promisify } from 'node:util';
import { zstdCompress } from 'node:zlib';
import {
  type ChunksReceived,
  type ConfirmRequest,
  type InstallEvent,
  type RollbackRequest,
  type TryAccepted,
  type TryRequest,
  UPDATE_ANSWER_LIMIT_MS,
  UPDATE_API,
  type UpdateOffer,
  type UpdateRequest,
  type UpdateStatus,
} from '../../../shared/update/update-api.ts';
import { DICTIONARY_HEADER, dictionaryOf } from '../../../shared/update/manifest-dictionary.ts';
import type { UpdateState } from '../../../shared/update/update-state.ts';
import { parseDeviceJson } from '../../devices/device-json.ts';
import type { AskOptions, DeviceClient } from '../../devices/device-client.ts';
import { TooOldError } from '../../devices/refusal-error.ts';

const compress = promisify(zstdCompress);

/** Without progress. A card may pause for seconds, and a device answers when the last chunk is written. */
const SEND_LIMIT_MS = 60_000;
/** Between two events. */
const INSTALL_LIMIT_MS = 120_000;
/** Of questions that are asked again and again. */
const POLL_LIMIT_MS = 5000;

export class UpdateApiClient {
  readonly #client: DeviceClient;
  readonly #count: (bytes: number) => void;
  readonly #hostname: string;

  constructor(client: DeviceClient, hostname: string, count: (bytes: number) => void = () => undefined) {
    this.#client = client;
    this.#hostname = hostname;
    this.#count = count;
  }

  get #act(): string {
    return `update "${this.#hostname}"`;
  }

  /** As often as one likes: one that does not answer at once may do so the next time. */
  async poll(): Promise<UpdateStatus> {
    return this.#status({ act: 'see the updates', limitMs: POLL_LIMIT_MS });
  }

  /** A device that is slow is waited for. */
  async status(): Promise<UpdateStatus> {
    return this.#status({ act: 'see the updates' });
  }

  async #status(options: AskOptions): Promise<UpdateStatus> {
    try {
      return await this.#client.askJson(UPDATE_API.update, options);
    } catch (error) {
      if (!(error instanceof TooOldError)) throw error;
      throw new TooOldError(`Cannot ${this.#act}: it was built by a tsk that could not do that yet`, {
        topic: 'too-old',
        hint: 'Write its disk once more, with "tsk flash". From then on it can be updated. What is in /perm is lost: copy it before.',
      });
    }
  }

  /** `base`: a manifest that the device has. */
  async open(
    request: UpdateRequest,
    { zstd, base = null }: { zstd: boolean; base?: { sha256: string; manifest: Uint8Array } | null },
  ): Promise<UpdateOffer> {
    const json = Buffer.from(JSON.stringify(request));
    const dictionary = base === null ? {} : { dictionary: dictionaryOf(base.manifest) };
    const body = zstd ? await compress(json, dictionary) : json;
    const against = base === null ? {} : { [DICTIONARY_HEADER]: base.sha256 };
    const encoding = zstd ? { 'Content-Encoding': 'zstd', ...against } : undefined;
    return this.#post(UPDATE_API.update, body, { act: this.#act, limitMs: UPDATE_ANSWER_LIMIT_MS }, encoding);
  }

  /** `body`: a chunk stream in zstd. */
  async sendChunks(id: string, body: AsyncIterable<Uint8Array>): Promise<ChunksReceived> {
    return this.#client.askJson(UPDATE_API.chunks(id), {
      method: 'PUT',
      headers: { 'Content-Type': 'application/octet-stream', 'Content-Encoding': 'zstd' },
      body: this.#counted(body),
      limitMs: SEND_LIMIT_MS,
      act: this.#act,
    });
  }

  async *install(id: string): AsyncGenerator<InstallEvent> {
    const answer = this.#client.askStream(UPDATE_API.install(id), {
      method: 'POST',
      limitMs: INSTALL_LIMIT_MS,
      silenceLimitMs: INSTALL_LIMIT_MS,
      act: this.#act,
    });
    let rest = '';
    for await (const text of answer) {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) if (line !== '') yield parseDeviceJson(line) as InstallEvent;
    }
  }

  async try(id: string, request: TryRequest): Promise<TryAccepted> {
    return this.#postJson(UPDATE_API.try(id), request);
  }

  async end(id: string): Promise<void> {
    const answer = this.#client.askStream(UPDATE_API.session(id), { method: 'DELETE', act: this.#act });
    for await (const _ of answer);
  }

  async confirm(request: ConfirmRequest): Promise<UpdateState> {
    return this.#postJson(UPDATE_API.confirm, request);
  }

  async rollBack(request: RollbackRequest): Promise<UpdateState> {
    return this.#postJson(UPDATE_API.rollback, request, {
      act: `roll back "${this.#hostname}"`,
      limitMs: UPDATE_ANSWER_LIMIT_MS,
    });
  }

  async #postJson<T>(path: string, value: unknown, options: AskOptions = { act: this.#act }): Promise<T> {
    return this.#post(path, Buffer.from(JSON.stringify(value)), options);
  }

  async #post<T>(
    path: string,
    body: Uint8Array,
    options: AskOptions,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<T> {
    this.#count(body.length);
    return this.#client.askJson(path, {
      ...options,
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Content-Length': String(body.length), ...headers },
      body: [body],
    });
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      this.#count(piece.length);
      yield piece;
    }
  }
}
