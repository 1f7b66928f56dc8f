// Logging in and out. A browser's page and programs get the same: a token that they send as a header. Nothing is ever set in
// a browser that it would send by itself, to this port or to another.

import { WEB_API, type LoginInfo, type NewSession } from '../../shared/api/web-api.ts';
import { parseUntrustedJson } from '../../shared/untrusted-json.ts';
import { checkOrigin } from './auth.ts';
import type { Handler, WebRoute } from './exchange.ts';
import { HttpError, understand } from './http-error.ts';
import { MAX_BODY_BYTES, readJson } from './request-body.ts';
import { sendJson } from './respond.ts';

const showLogin: Handler = ({ auth, config }, { response }) => {
  sendJson(response, 200, {
    hostname: config.hostname,
    needsPassword: auth.hasPassword,
  } satisfies LoginInfo);
};

/** Takes the password as programs send it everywhere, or in a body: a browser would remember the former. */
const logIn: Handler = async ({ auth, bodyPace }, { request, response }) => {
  checkOrigin(request);
  if (request.headers.authorization === undefined) {
    auth.checkPassword(request, passwordOf(await readJson(request, bodyPace)));
  } else if (auth.check(request, 'change') !== 'password') {
    // A session must not beget sessions: it would never end.
    throw new HttpError('password-needed', 'Use the password to get a session');
  }
  const { token, expiresInMs } = auth.sessions.create();
  const session: NewSession = {
    token,
    expiresAtMs: Date.now() + expiresInMs,
    expiresInSec: expiresInMs / 1000,
  };
  sendJson(response, 201, session);
};

const PASSWORD = /^[^]{0,1024}$/;

function passwordOf(body: Uint8Array): string {
  return understand(
    (text) =>
      parseUntrustedJson(text, { name: 'the login', maxBytes: MAX_BODY_BYTES })
        .field('password')
        .text(PASSWORD),
    body,
  );
}

const logOut: Handler = ({ auth }, { request, response }) => {
  auth.endSession(request);
  response.writeHead(204);
  response.end();
};

export const SESSION_ROUTES: readonly WebRoute[] = [
  { method: 'GET', path: WEB_API.sessions, access: 'open', handler: showLogin },
  { method: 'POST', path: WEB_API.sessions, access: 'open', handler: logIn },
  { method: 'DELETE', path: WEB_API.sessions, access: 'change', handler: logOut },
];
