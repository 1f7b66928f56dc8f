// Who is logged in here. The session's token is kept by this tab alone, for this origin, its port included, and sent as a
// header by `ask.ts`: a cookie would go to every port of this host, and so to the apps that listen there. Other tabs of the
// same origin are given it when they ask, and are logged out together.

import { SESSION_STORED_AS as STORED_AS } from '../../shared/api/web-api.ts';

/** Another tab that has the token answers at once. */
const ANSWER_MS = 250;

type Message = { type: 'ask' } | { type: 'token'; token: string } | { type: 'ended'; token: string };

export class Login {
  readonly #channel = new BroadcastChannel('tskrazy-session');
  #token = readStored();
  /** Told of every change. */
  onChange: () => void = () => {};

  constructor() {
    this.#channel.addEventListener('message', ({ data }: MessageEvent<Message>) => {
      this.#receive(data);
    });
  }

  get token(): string | undefined {
    return this.#token;
  }

  /** Asks the other tabs. Resolves when none will answer any more; `onChange` tells of one that has. */
  async find(): Promise<void> {
    if (this.#token !== undefined) return;
    this.#send({ type: 'ask' });
    await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  }

  begin(token: string): void {
    this.#keep(token);
    this.#send({ type: 'token', token });
  }

  /** The device does not take the token any more. Another one may have come since it was sent. */
  end(token: string): void {
    this.#send({ type: 'ended', token });
    if (token === this.#token) this.#keep(undefined);
  }

  #receive(message: Message): void {
    if (message.type === 'ask') {
      if (this.#token !== undefined) this.#send({ type: 'token', token: this.#token });
    } else if (message.type === 'token') {
      if (this.#token === undefined) this.#keep(message.token);
    } else if (message.token === this.#token) this.#keep(undefined);
  }

  #send(message: Message): void {
    // A channel reaches this origin alone.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.#channel.postMessage(message);
  }

  #keep(token: string | undefined): void {
    this.#token = token;
    try {
      if (token === undefined) sessionStorage.removeItem(STORED_AS);
      else sessionStorage.setItem(STORED_AS, token);
    } catch {
      // A browser that stores nothing for this page: the login ends with it.
    }
    this.onChange();
  }
}

function readStored(): string | undefined {
  try {
    return sessionStorage.getItem(STORED_AS) ?? undefined;
  } catch {
    return undefined;
  }
}
