// Stands in for a test where a script or a bench uses what tests use: ends what was begun, says what is said.

import type { Lifetime } from './updates/update-lab.ts';

export class ScriptContext implements Lifetime {
  readonly #say: (text: string) => void;
  readonly #ends: (() => unknown)[] = [];

  constructor(say: (text: string) => void) {
    this.#say = say;
  }

  after(end: () => unknown): void {
    this.#ends.push(end);
  }

  diagnostic(message: string): void {
    this.#say(message);
  }

  /** What was begun last ends first. */
  async end(): Promise<void> {
    for (let end = this.#ends.pop(); end; end = this.#ends.pop()) await end();
  }
}
