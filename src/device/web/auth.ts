// Decides who sends a request and whether it may do what it asks for. Credentials: Bearer with a session's token (the
// page, and programs that ask often), or Basic with the device's password (programs). There are no cookies: browsers send
// those to all ports of a host, and so to every app that listens on this device.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type http from 'node:http';

import { verifyPassword } from '../../shared/api/password.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import { HttpError } from './http-error.ts';
import type { KnownAddresses } from './known-addresses.ts';
import { LoginAttempts, type Client } from './login-attempts.ts';
import { canonicalAddress, isOwnAddress } from './own-addresses.ts';
import type { Access } from './router.ts';
import { Sessions } from './sessions.ts';

/** `anonymous` reads what a device without a password shows to everybody. */
export type Identity = 'bearer' | 'password' | 'anonymous';

export function clientOf({ socket }: http.IncomingMessage): Client {
  const address = canonicalAddress(socket.remoteAddress ?? '');
  if (address === undefined) return { address: 'unknown', isDevice: false };
  return { address, isDevice: isOwnAddress(address, socket) };
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

  constructor(
    config: Pick<DeviceConfig, 'hostname' | 'web'>,
    known: KnownAddresses,
    options: { now?: () => number } = {},
  ) {
    this.#hostname = config.hostname;
    this.#passwordHash = config.web.passwordHash;
    this.#attempts = new LoginAttempts(known, options);
    this.sessions = new Sessions(options);
  }

  get hasPassword(): boolean {
    return this.#passwordHash !== null;
  }

  /** Throws HttpError 401, 403 or 429 when the request may not have what it asks for. */
  check(request: http.IncomingMessage, access: Access): Identity {
    if (access === 'open') return 'anonymous';
    if (access === 'change') checkOrigin(request);
    const identity = this.#identify(request);
    if (!this.hasPassword) {
      if (access === 'read') return 'anonymous';
      throw new HttpError(
        'no-password',
        'This device has no password, so that nothing can be changed over the network',
      );
    }
    if (identity === undefined) throw this.#unauthorized(request, 'not-logged-in', 'Log in first');
    return identity;
  }

  /** undefined: no credentials. Throws when a password is wrong or a session has ended. */
  #identify(request: http.IncomingMessage): Identity | undefined {
    if (!this.hasPassword) return undefined;
    const [scheme, credentials] = authorizationOf(request);
    switch (scheme) {
      case 'basic': {
        const decoded = Buffer.from(credentials, 'base64').toString('utf8');
        // RFC 7617: the user name ends at the first colon. It is not looked at.
        this.checkPassword(request, decoded.slice(decoded.indexOf(':') + 1));
        return 'password';
      }
      case 'bearer':
        if (this.sessions.use(credentials)) return 'bearer';
        throw this.#unauthorized(request, 'login-ended', 'This session has ended');
      case '':
        return undefined;
      default:
        throw this.#unauthorized(request, 'not-logged-in', 'Use Basic or Bearer authentication');
    }
  }

  /** Ends the session whose token came with the request. */
  endSession(request: http.IncomingMessage): void {
    const [scheme, token] = authorizationOf(request);
    if (scheme === 'bearer') this.sessions.end(token);
  }

  /** Throws HttpError 401 when the password is wrong and 429 when there were too many wrong ones. */
  checkPassword(request: http.IncomingMessage, password: string): void {
    if (this.#passwordHash === null) throw new HttpError('no-password', 'This device has no password');
    const client = clientOf(request);
    // Attempts count before the remembered password too: that would otherwise be an oracle without a limit.
    const waitMs = this.#attempts.begin(client);
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
    this.#attempts.succeed(client);
  }

  /** Names the device, as the login does to anybody: whoever has come with another one's password finds out. */
  #unauthorized(
    request: http.IncomingMessage,
    code: 'not-logged-in' | 'login-ended' | 'wrong-password',
    message: string,
  ): HttpError {
    return new HttpError(code, message, {
      ...(isBrowser(request)
        ? {}
        : { headers: { 'WWW-Authenticate': 'Basic realm="tskrazy", charset="UTF-8"' } }),
      details: { hostname: this.#hostname },
    });
  }
}

/** Scheme in lower case, and what follows it; two empty texts without the header. */
function authorizationOf({ headers }: http.IncomingMessage): [scheme: string, credentials: string] {
  const [scheme = '', credentials = ''] = (headers.authorization ?? '').split(/ +/, 2);
  return [scheme.toLowerCase(), credentials];
}

/**
 * A challenge makes browsers open their own password window over our page, and keep the password for good. They say what
 * they are over TLS and on loopback (`Sec-Fetch-Mode`), and elsewhere only by the name that all of them have.
 */
function isBrowser({ headers }: http.IncomingMessage): boolean {
  return headers['sec-fetch-mode'] !== undefined || (headers['user-agent'] ?? '').startsWith('Mozilla/');
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
