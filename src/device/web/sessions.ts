// Who has logged in. A session is a random token that its owner keeps and sends (Bearer); here is only
// its SHA-256, in memory: a reboot or restart of `web` logs everybody out.

import { createHash, randomBytes } from 'node:crypto';

import { monotonicMs } from '../monotonic.ts';

/** A day without use ends a session. */
const IDLE_LIMIT_MS = 24 * 60 * 60 * 1000;
/** Age at which every session ends: a month. */
const AGE_LIMIT_MS = 30 * 24 * 60 * 60 * 1000;
/** The longest unused one makes room for a new one. */
const MAX_SESSIONS = 64;

interface Session {
  createdAtMs: number;
  usedAtMs: number;
}

function digest(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

export class Sessions {
  /** Sessions by digest, so that looking one up compares nothing secret; in order of use, the oldest first. */
  readonly #sessions = new Map<string, Session>();
  readonly #now: () => number;

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? monotonicMs;
  }

  get size(): number {
    return this.#sessions.size;
  }

  create(): { token: string; expiresInMs: number } {
    const token = randomBytes(32).toString('base64url');
    const now = this.#now();
    for (const oldest of this.#sessions.keys()) {
      if (this.#sessions.size < MAX_SESSIONS) break;
      this.#sessions.delete(oldest);
    }
    this.#sessions.set(digest(token), { createdAtMs: now, usedAtMs: now });
    return { token, expiresInMs: AGE_LIMIT_MS };
  }

  /** Whether the token is a session's; counts as its use. */
  use(token: string): boolean {
    const key = digest(token);
    const session = this.#sessions.get(key);
    if (!session) return false;
    this.#sessions.delete(key);
    const now = this.#now();
    if (now - session.usedAtMs >= IDLE_LIMIT_MS || now - session.createdAtMs >= AGE_LIMIT_MS) return false;
    session.usedAtMs = now;
    this.#sessions.set(key, session);
    return true;
  }

  end(token: string): void {
    this.#sessions.delete(digest(token));
  }
}
