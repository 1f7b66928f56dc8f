// What web does for a break-glass session of whom it has found to have a permit: has init open it, fills its toolbox. Of HTTP
// it knows nothing (web/breakglass-handlers.ts). init keeps the session, so that it outlives this program.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { INIT_API, type SystemStatus } from '../../shared/api/init-api.ts';
import {
  BREAKGLASS_INIT_API,
  BREAKGLASS_PATHS,
  type BreakglassSession,
  type BreakglassStatus,
  type JoinBreakglass,
  MAX_TOOLBOX_ENTRIES,
  MEMORY_SHARE,
  type OpenBreakglass,
  type OpenedSession,
} from '../../shared/breakglass/breakglass-api.ts';
import type { BreakglassRequest } from '../../shared/breakglass/breakglass-request.ts';
import { whyNoPermits } from '../../shared/permit/permit-api.ts';
import { TarError, TarTooLarge } from '../../formats/ustar.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { inflateZstd } from '../update/inflate-zstd.ts';
import { BadStream } from '../update/update-refusal.ts';
import { readIfExists } from '../read-if-exists.ts';
import { ensureHostKey } from './host-key.ts';
import { KeptToolbox } from './kept-toolbox.ts';
import { NoRoomError, unpackToolbox } from './unpack-toolbox.ts';

/** Why a session is not to be had. The codes are those of shared/api/refusals.ts. */
export class OpenerRefusal extends Error {
  readonly code: 'breakglass-busy' | 'breakglass-ended' | 'toolbox-damaged' | 'toolbox-room';

  constructor(code: OpenerRefusal['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

export interface OpenerOptions {
  config: Pick<DeviceConfig, 'breakglass' | 'update'>;
  /** init's API: `get` and `post` of web's client. */
  init: {
    get<T>(path: string): Promise<T>;
    post<T>(path: string, body?: object): Promise<T>;
  };
  /** Set by tests: where the device's paths are. */
  place?: (path: string) => string;
  maxEntries?: number;
}

export class SessionOpener {
  readonly #options: OpenerOptions;
  readonly #place: (path: string) => string;
  readonly #kept: KeptToolbox;
  /** Cut off by the next that sends one. */
  #receiving: AbortController | undefined;
  #unpacked: Promise<void> = Promise.resolve();

  constructor(options: OpenerOptions) {
    this.#options = options;
    this.#place = options.place ?? ((path) => path);
    this.#kept = new KeptToolbox(this.#place(BREAKGLASS_PATHS.kept));
  }

  get socketPath(): string {
    return this.#place(BREAKGLASS_PATHS.socket);
  }

  async status(): Promise<BreakglassStatus> {
    return {
      unavailable: whyNoPermits(this.#options.config),
      session: await this.#session(),
      maxUnpackedBytes: maxUnpackedBytes(),
    };
  }

  /** Opens a session, or joins the one that is there, for whoever has the same key and the same toolbox. */
  async open(
    { client, sshKeys, ...wanted }: BreakglassRequest,
    by: Pick<OpenBreakglass, 'keyId' | 'from'>,
  ): Promise<OpenedSession> {
    const asked = { ...wanted, ...by, who: client };
    const present = await this.#session();
    if (present !== null) return this.#join(present, asked, sshKeys);
    const body: OpenBreakglass = { id: randomBytes(16).toString('hex'), ...asked };
    const session = await this.#options.init.post<BreakglassSession>(BREAKGLASS_INIT_API.open, body);
    const opened = await this.#present(session, sshKeys, []);
    const started = await this.#inTurn(() => this.#startFromKept(session));
    return started === undefined ? opened : { ...opened, session: started, needsToolbox: false };
  }

  /** `pieces`: as they are sent. Resolves when sshd is there. */
  async receive(
    id: string,
    pieces: (signal: AbortSignal) => AsyncIterable<Uint8Array>,
  ): Promise<BreakglassSession> {
    this.#receiving?.abort(new OpenerRefusal('breakglass-busy', 'The toolbox is being sent once more'));
    const receiving = new AbortController();
    this.#receiving = receiving;
    return this.#inTurn(async () => {
      receiving.signal.throwIfAborted();
      const session = await this.#session();
      if (session?.id !== id || session.phase === 'ending') throw ended();
      if (session.phase === 'open') return session;
      await this.#unpackAndKeep(session, pieces(receiving.signal));
      return this.#start(session);
    });
  }

  async hostKey(): Promise<string> {
    return ensureHostKey(this.#place(BREAKGLASS_PATHS.hostKey));
  }

  /** Tells init whose connection it is that comes next. */
  async announce(id: string, from: string): Promise<void> {
    await this.#options.init.post(BREAKGLASS_INIT_API.announce, { id, from });
  }

  /** Whether it is what those were told who have come to the session with a permit. */
  async isTerminalKey(key: string): Promise<boolean> {
    const known = this.#terminalKey();
    return known !== undefined && timingSafeEqual(digest(known), digest(key));
  }

  async startTerminal(id: string, from: string, number: number): Promise<void> {
    await this.#options.init.post(BREAKGLASS_INIT_API.terminal, { id, from, number });
  }

  async close(why: string, isLeaving: boolean): Promise<void> {
    await this.#options.init.post(BREAKGLASS_INIT_API.close, { why, isLeaving });
  }

  /** One at a time fills the directory. */
  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#unpacked;
    const turn = Promise.withResolvers<void>();
    this.#unpacked = turn.promise;
    try {
      await before;
      return await act();
    } finally {
      turn.resolve();
    }
  }

  /** undefined: the toolbox has to be sent. */
  async #startFromKept({ id, toolboxSha256 }: BreakglassSession): Promise<BreakglassSession | undefined> {
    // Somebody may have closed it meanwhile, or joined it and sent the toolbox: what runs keeps its files.
    const session = await this.#session();
    if (session?.id !== id || session.phase === 'ending') throw ended();
    if (session.phase === 'open') return session;
    const pieces = await this.#kept.read(toolboxSha256);
    if (pieces === undefined) return undefined;
    try {
      await this.#unpack(session, pieces);
    } catch {
      // A disk that does not give back what was written.
      await this.#kept.forget();
      return undefined;
    }
    return this.#start(session);
  }

  #start({ id }: BreakglassSession): Promise<BreakglassSession> {
    return this.#options.init.post<BreakglassSession>(BREAKGLASS_INIT_API.start, { id });
  }

  async #unpackAndKeep(session: BreakglassSession, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const { perm } = await this.#options.init.get<SystemStatus>(INIT_API.system);
    // In memory it would cost what it is to save.
    const copy = perm.state === 'mounted' ? await this.#kept.begin() : undefined;
    async function* copied(): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        await copy?.write(piece);
        yield piece;
      }
    }
    try {
      await this.#unpack(session, copied());
    } catch (error) {
      await copy?.discard();
      throw error;
    }
    await copy?.keep(session.toolboxSha256);
  }

  async #join(
    present: BreakglassSession,
    asked: Omit<OpenBreakglass, 'id'>,
    sshKeys: readonly string[],
  ): Promise<OpenedSession> {
    if (present.keyId !== asked.keyId || present.phase === 'ending')
      throw new OpenerRefusal('breakglass-busy', `${present.who} has opened a session from ${present.from}`);
    if (present.toolboxSha256 !== asked.toolboxSha256 || (asked.listen && present.listensOn === null))
      throw new OpenerRefusal(
        'breakglass-busy',
        `${present.who} has opened a session from ${present.from} with other tools or ports`,
      );
    const { who, from, lifetimeSec, staysOpen } = asked;
    const body: JoinBreakglass = { id: present.id, who, from, lifetimeSec, staysOpen };
    const session = await this.#options.init.post<BreakglassSession>(BREAKGLASS_INIT_API.join, body);
    return this.#present(session, sshKeys, await this.#knownKeys());
  }

  async #present(
    session: BreakglassSession,
    sshKeys: readonly string[],
    known: readonly string[],
  ): Promise<OpenedSession> {
    await this.#authorize([...new Set([...known, ...sshKeys])]);
    return {
      session,
      needsToolbox: session.phase === 'receiving',
      hostKey: await this.hostKey(),
      terminalKey: this.#ensureTerminalKey(),
    };
  }

  /** In one go: two who come at the same moment are to have the same one. */
  #ensureTerminalKey(): string {
    const known = this.#terminalKey();
    if (known !== undefined) return known;
    const key = randomBytes(32).toString('base64url');
    writeFileSync(this.#place(BREAKGLASS_PATHS.terminalKey), key, { mode: 0o600 });
    return key;
  }

  /** It goes with the session's directory. */
  #terminalKey(): string | undefined {
    return readIfExists(this.#place(BREAKGLASS_PATHS.terminalKey));
  }

  /** Throws where the session has ended meanwhile, with its directory. */
  async #authorize(lines: readonly string[]): Promise<void> {
    const path = this.#place(BREAKGLASS_PATHS.authorizedKeys);
    await writeFile(`${path}.new`, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }

  async #knownKeys(): Promise<string[]> {
    const text = await readFile(this.#place(BREAKGLASS_PATHS.authorizedKeys), 'utf8').catch(() => '');
    return text.split('\n').filter((line) => line !== '');
  }

  /** Throws OpenerRefusal, and what was unpacked is gone then: nothing of it is used before its hash is known. */
  async #unpack({ toolboxSha256 }: BreakglassSession, pieces: AsyncIterable<Uint8Array>): Promise<void> {
    const directory = this.#place(join(BREAKGLASS_PATHS.memory, 'lower'));
    const hash = createHash('sha256');
    async function* hashed(): AsyncGenerator<Uint8Array> {
      for await (const piece of pieces) {
        hash.update(piece);
        yield piece;
      }
    }
    await emptyDirectory(directory);
    try {
      await unpackToolbox(inflateZstd(hashed()), directory, {
        maxEntries: this.#options.maxEntries ?? MAX_TOOLBOX_ENTRIES,
        maxBytes: maxUnpackedBytes(),
      });
      if (hash.digest('hex') !== toolboxSha256)
        throw new OpenerRefusal('toolbox-damaged', 'The toolbox is not the one that was signed');
    } catch (error) {
      await emptyDirectory(directory);
      throw asRefusal(error);
    }
  }

  async #session(): Promise<BreakglassSession | null> {
    return this.#options.init.get<BreakglassSession | null>(BREAKGLASS_INIT_API.session);
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function maxUnpackedBytes(): number {
  return Math.floor(totalmem() / MEMORY_SHARE);
}

async function emptyDirectory(directory: string): Promise<void> {
  for (const name of await readdir(directory))
    await rm(join(directory, name), { recursive: true, force: true });
}

function ended(): OpenerRefusal {
  return new OpenerRefusal('breakglass-ended', 'This break-glass session is over');
}

function asRefusal(error: unknown): unknown {
  if (error instanceof NoRoomError || error instanceof TarTooLarge)
    return new OpenerRefusal('toolbox-room', `Cannot unpack the toolbox: ${error.message}`, { cause: error });
  if (error instanceof TarError || error instanceof BadStream)
    return new OpenerRefusal('toolbox-damaged', `Cannot unpack the toolbox: ${error.message}`, {
      cause: error,
    });
  return error;
}
