// Decides who sends a request and whether it may do what it asks for. Credentials: the session cookie
// (browsers), Bearer with a session's token, or Basic with the device's password (programs).

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type http from 'node:http';

import { verifyPassword } from '../../shared/api/password.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { HttpError } from './http-error.ts';
import { LoginAttempts } from './login-attempts.ts';
import type { Access } from './router.ts';
import { Sessions } from './sessions.ts';

/** `anonymous` reads what a device without a password shows to everybody. */
export type Identity = 'cookie' | 'bearer' | 'password' | 'anonymous';

function clientAddress(request: http.IncomingMessage): string {
  const address = request.socket.remoteAddress ?? 'unknown';
  // An IPv4 client of a dual-stack socket; also drop the zone of a link-local address.
  return address.replace(/^::ffff:/, '').replace(/%.*$/, '');
}

/**
 * What the browser keeps the session's token as. It sends a cookie to all ports of a host: under one name, two virtual
 * machines on a computer would log each other out.
 */
export function sessionCookie(request: http.IncomingMessage): string {
  const port = /:(\d+)$/.exec(request.headers.host ?? '')?.[1];
  return port === undefined ? 'tskrazy_session' : `tskrazy_session_${port}`;
}

/** Tokens as the browser keeps them. There may be others than ours: apps are on this host, too, and may set cookies. */
export function sessionTokens(request: http.IncomingMessage): string[] {
  const prefix = `${sessionCookie(request)}=`;
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.filter((pair) => pair.startsWith(prefix)).map((pair) => pair.slice(prefix.length));
}

export class Authenticator {
  readonly #hostname: string;
  readonly #passwordHash: string | null;
  readonly #attempts: LoginAttempts;
  readonly sessions: Sessions;
  /**
   * scrypt is too dear for each request of a program that sends Basic: remembers the right password as an
   * HMAC-like digest under a key of this process.
   */
  #cacheKey: Buffer | undefined;
  #rightDigest: Buffer | undefined;

  constructor(config: Pick<DeviceConfig, 'hostname' | 'web'>, options: { now?: () => number } = {}) {
    this.#hostname = config.hostname;
    this.#passwordHash = config.web.passwordHash;
    this.#attempts = new LoginAttempts(options);
    this.sessions = new Sessions(options);
  }

  get hasPassword(): boolean {
    return this.#passwordHash !== null;
  }

  /** Throws HttpError 401, 403 or 429 when the request may not have what it asks for. */
  check(request: http.IncomingMessage, access: Access): Identity {
    const identity = this.identify(request);
    if (access === 'open') return identity ?? 'anonymous';
    if (access === 'change') checkOrigin(request);
    if (!this.hasPassword) {
      if (access === 'read') return 'anonymous';
      throw new HttpError(
        'no-password',
        'This device has no password, so that nothing can be changed over the network',
      );
    }
    if (identity === undefined) throw this.#unauthorized(request, 'not-logged-in', 'Log in first');
    if (access === 'change' && identity === 'cookie' && isFromUnknownPage(request))
      throw new HttpError('foreign-page', 'The browser did not say which page this request comes from');
    return identity;
  }

  /** undefined: no credentials, or a session that has ended. Throws when a password is wrong. */
  identify(request: http.IncomingMessage): Identity | undefined {
    const [scheme = '', credentials = ''] = (request.headers.authorization ?? '').split(/ +/, 2);
    switch (scheme.toLowerCase()) {
      case 'basic': {
        if (!this.hasPassword) return undefined;
        const decoded = Buffer.from(credentials, 'base64').toString('utf8');
        // RFC 7617: the user name ends at the first colon. It is not looked at.
        this.checkPassword(request, decoded.slice(decoded.indexOf(':') + 1));
        return 'password';
      }
      case 'bearer':
        if (this.sessions.use(credentials)) return 'bearer';
        throw this.#unauthorized(request, 'login-ended', 'This session has ended');
      case '':
        return sessionTokens(request).some((token) => this.sessions.use(token)) ? 'cookie' : undefined;
      default:
        throw this.#unauthorized(request, 'not-logged-in', 'Use Basic or Bearer authentication');
    }
  }

  /** Throws HttpError 401 when the password is wrong and 429 when there were too many wrong ones. */
  checkPassword(request: http.IncomingMessage, password: string): void {
    if (this.#passwordHash === null) throw new HttpError('no-password', 'This device has no password');
    const address = clientAddress(request);
    // Attempts count before the remembered password too: that would otherwise be an oracle without a limit.
    const waitMs = this.#attempts.begin(address);
    if (waitMs > 0) {
      const waitSec = Math.ceil(waitMs / 1000);
      throw new HttpError('too-many-passwords', `Too many wrong passwords. Try again in ${waitSec} s`, {
        headers: { 'Retry-After': String(waitSec) },
      });
    }
    // Not before it is needed, as loading node:crypto takes its time while the device starts.
    this.#cacheKey ??= randomBytes(32);
    const digest = createHash('sha256').update(this.#cacheKey).update(password).digest();
    const isRight =
      (this.#rightDigest !== undefined && timingSafeEqual(digest, this.#rightDigest)) ||
      verifyPassword(password, this.#passwordHash);
    if (!isRight) throw this.#unauthorized(request, 'wrong-password', 'The password is wrong');
    this.#rightDigest = digest;
    this.#attempts.succeed(address);
  }

  /** Names the device, as the login page does to anybody: whoever has come with another one's password finds out. */
  #unauthorized(
    request: http.IncomingMessage,
    code: 'not-logged-in' | 'login-ended' | 'wrong-password',
    message: string,
  ): HttpError {
    // A challenge makes browsers open their own password window over our page.
    const isBrowser = request.headers['sec-fetch-mode'] !== undefined;
    return new HttpError(code, message, {
      ...(isBrowser ? {} : { headers: { 'WWW-Authenticate': 'Basic realm="tskrazy", charset="UTF-8"' } }),
      details: { hostname: this.#hostname },
    });
  }
}

/** Throws HttpError 403 when a page of another site made the browser send this. */
export function checkOrigin(request: http.IncomingMessage): void {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const isForeign =
    (origin !== undefined && originHost(origin) !== host?.toLowerCase()) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none');
  if (isForeign) throw new HttpError('foreign-page', 'Requests from the pages of other sites are refused');
}

function originHost(origin: string): string | undefined {
  const match = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase());
  return match?.[1];
}

/** Browsers name the origin with every POST; a cookie without one is not from a page of ours. */
function isFromUnknownPage(request: http.IncomingMessage): boolean {
  return request.headers.origin === undefined && request.headers['sec-fetch-site'] === undefined;
}
