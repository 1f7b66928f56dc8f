// The addresses from which the password was given once, the latest last. They outlive restarts of `web` and of the device:
// otherwise a neighbour who guesses without a pause would have the budget of the network for itself after each.

import { existsSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';

import { describeError } from '../describe-error.ts';
import { replaceFile } from '../replace-file.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';
import { logLine } from './log.ts';

const FILE = `${STATE_DIRECTORY}/known-addresses.json`;
const MAX_ADDRESSES = 64;

export class KnownAddresses {
  readonly #path: string;
  readonly #addresses = new Set<string>();
  #isRead = false;

  constructor(path = FILE) {
    this.#path = path;
  }

  has(address: string): boolean {
    this.#read();
    return this.#addresses.has(address);
  }

  add(address: string): void {
    const isNew = !this.has(address);
    this.#put(address);
    if (isNew) this.#write();
  }

  #put(address: string): void {
    this.#addresses.delete(address);
    this.#addresses.add(address);
    for (const oldest of this.#addresses) {
      if (this.#addresses.size <= MAX_ADDRESSES) break;
      this.#addresses.delete(oldest);
    }
  }

  /** When it is first of use, as /perm may be there later than `web`. */
  #read(): void {
    if (this.#isRead || !existsSync(dirname(this.#path))) return;
    this.#isRead = true;
    const since = [...this.#addresses];
    for (const address of [...readAddresses(this.#path), ...since]) this.#put(address);
    if (since.length > 0) this.#write();
  }

  #write(): void {
    if (!this.#isRead) return;
    try {
      replaceFile(this.#path, JSON.stringify([...this.#addresses]));
    } catch (error) {
      // A /perm that is full or read-only keeps nobody out; until a restart they are known all the same.
      logLine(`Cannot note in ${this.#path} who has logged in: ${describeError(error)}`);
    }
  }
}

/** Nothing of a file that is not there or not whole. */
function readAddresses(path: string): string[] {
  try {
    const addresses: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return Array.isArray(addresses) ? addresses.filter((address) => typeof address === 'string') : [];
  } catch {
    return [];
  }
}
