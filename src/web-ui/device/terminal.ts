// A terminal in the device's break-glass session. What is typed goes out in its order, one request at a time.

import {
  BREAKGLASS_API,
  MAX_INPUT_CHARACTERS,
  type NewTerminal,
  TERMINAL_KEY_STORED_AS,
  type TerminalInput,
  type TerminalRequest,
  type TerminalSize,
} from '../../shared/breakglass/breakglass-api.ts';
import { askJson, post } from './ask.ts';
import { followEvents } from './follow-events.ts';

/** The device sends heartbeats every 15 s. */
const SILENCE_MS = 40_000;

/** `tsk ssh --browser` leaves it in this tab. */
export function terminalKey(): string | undefined {
  try {
    return sessionStorage.getItem(TERMINAL_KEY_STORED_AS) ?? undefined;
  } catch {
    return undefined;
  }
}

export class DeviceTerminal {
  readonly #address: string;
  #waiting = '';
  #isSending = false;
  #size: TerminalSize | undefined;

  private constructor(address: string) {
    this.#address = address;
  }

  static async open(sessionId: string, key: string, size: TerminalSize): Promise<DeviceTerminal> {
    const { id } = await askJson<NewTerminal>(BREAKGLASS_API.terminals(sessionId), {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ key, ...size } satisfies TerminalRequest),
    });
    return new DeviceTerminal(BREAKGLASS_API.terminal(sessionId, id));
  }

  /** Ends with the terminal. */
  async *output(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    for await (const { event, data } of followEvents(this.#address, { signal, silenceMs: SILENCE_MS })) {
      if (event !== 'output') continue;
      yield Uint8Array.from(atob(JSON.parse(data) as string), (character) => character.charCodeAt(0));
    }
  }

  /** Input that fails is told by the end of the output. */
  type(text: string): void {
    this.#waiting += text;
    void this.#send();
  }

  resize(size: TerminalSize): void {
    this.#size = size;
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      while (this.#waiting !== '' || this.#size !== undefined) {
        const size = this.#size;
        const text = this.#waiting.slice(0, MAX_INPUT_CHARACTERS);
        this.#size = undefined;
        this.#waiting = this.#waiting.slice(text.length);
        if (size !== undefined) await post(`${this.#address}/size`, size);
        if (text !== '') await post(`${this.#address}/input`, { text } satisfies TerminalInput);
      }
    } catch {
      this.#waiting = '';
    } finally {
      this.#isSending = false;
    }
  }
}
