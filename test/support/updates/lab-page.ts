// A lab's device, asked over HTTP by somebody who knows its password. That is done with a session: Basic authentication would
// cost the device a scrypt with each request.

import { ensurePassword, openInstance } from '../../../src/host/config/instance.ts';
import { type NewSession, WEB_API, WEB_USER } from '../../../src/shared/api/web-api.ts';

/** An emulated device on a busy computer needs 20 seconds to check a password. */
const ANSWER_MS = 60_000;

export interface LabAnswer {
  status: number;
  body: string;
}

export class LabPage {
  readonly #directory: string;
  readonly #url: () => string;
  #token: string | undefined;

  /** `directory`: the instance, which has the password. `url`: of the page, which another machine has elsewhere. */
  constructor(directory: string, url: () => string) {
    this.#directory = directory;
    this.#url = url;
  }

  /** Sessions end with the start that they were made in. */
  forgetSession(): void {
    this.#token = undefined;
  }

  async get(path: string): Promise<unknown> {
    this.#token ??= await this.#logIn();
    const headers = { authorization: `Bearer ${this.#token}` };
    const response = await fetch(new URL(path, this.#url()), {
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (response.status === 401) {
      this.forgetSession();
      return this.get(path);
    }
    if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  async post(path: string, body: unknown): Promise<LabAnswer> {
    return this.ask('POST', path, Buffer.from(JSON.stringify(body)), { 'content-type': 'application/json' });
  }

  /** The answer as it comes. */
  async ask(
    method: string,
    path: string,
    body?: Uint8Array<ArrayBuffer>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<LabAnswer> {
    this.#token ??= await this.#logIn();
    const response = await fetch(new URL(path, this.#url()), {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...headers },
      ...(body && { body }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return { status: response.status, body: await response.text() };
  }

  async #logIn(): Promise<string> {
    const { password } = await ensurePassword(await openInstance(this.#directory));
    const response = await fetch(new URL(WEB_API.sessions, this.#url()), {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${WEB_USER}:${password}`).toString('base64')}` },
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (!response.ok) throw new Error(`The device refuses a session: ${response.status}`);
    return ((await response.json()) as NewSession).token;
  }
}
