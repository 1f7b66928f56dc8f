// The one way of this page to its device. Nothing goes along but the session's token, to this origin alone, and what the
// device says is made visible before anybody shows it. Failures are sentences for a person.

import type { WebError } from '../../shared/api/refusals.ts';
import {
  WEB_API,
  type Login as LoginBody,
  type LoginInfo,
  type NewSession,
} from '../../shared/api/web-api.ts';
import { visibleValue } from '../../shared/text/visible-text.ts';
import { Login } from './login.ts';

export const login = new Login();

export function parse(json: string): unknown {
  return visibleValue(JSON.parse(json) as unknown);
}

/** Throws when the device refuses or does not answer. */
export async function ask(path: string, options: RequestInit = {}): Promise<Response> {
  const { token } = login;
  const headers = new Headers(options.headers);
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    // Without `omit` a browser would send what it remembers, and ask for a password by itself.
    response = await fetch(path, { ...options, headers, credentials: 'omit', cache: 'no-store' });
  } catch (cause) {
    throw new Error('The device did not answer', { cause });
  }
  if (response.ok) return response;
  if (response.status === 401) {
    if (token !== undefined) login.end(token);
    // A device that wants a password now, and did not before.
    else login.onChange();
  }
  throw new Error(await messageOf(response));
}

export async function askJson<T>(path: string, options?: RequestInit): Promise<T> {
  return parse(await (await ask(path, options)).text()) as T;
}

export async function post(path: string, body?: object): Promise<void> {
  await ask(path, posting(body));
}

export function postJson<T>(path: string, body: object): Promise<T> {
  return askJson(path, posting(body));
}

function posting(body?: object): RequestInit {
  return {
    method: 'POST',
    ...(body && { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } }),
  };
}

export async function remove(path: string): Promise<void> {
  await ask(path, { method: 'DELETE' });
}

export function readLoginInfo(): Promise<LoginInfo> {
  return askJson(WEB_API.sessions);
}

export async function logIn(password: string): Promise<void> {
  const { token } = await askJson<NewSession>(WEB_API.sessions, {
    method: 'POST',
    body: JSON.stringify({ password } satisfies LoginBody),
    headers: { 'Content-Type': 'application/json' },
  });
  login.begin(token);
}

/** In all tabs. */
export async function logOut(): Promise<void> {
  const { token } = login;
  try {
    await ask(WEB_API.sessions, { method: 'DELETE' });
  } catch {
    // A device that is away still has the session, until that ends by itself. Nobody has its token any more.
  }
  if (token !== undefined) login.end(token);
}

/** Saves what the device answers at an address. A link could not: the token would have to be in it. */
export async function download(path: string, name: string): Promise<void> {
  const url = URL.createObjectURL(await (await ask(path)).blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}

async function messageOf(response: Response): Promise<string> {
  try {
    return (parse(await response.text()) as WebError).error.message;
  } catch {
    return `The device answered ${response.status}`;
  }
}
