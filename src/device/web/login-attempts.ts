// Slows down guessing of the password. Every address has a few free wrong tries, then waits that double
// up to a minute; they are forgotten after a while, so that nobody is locked out for ever. Because an
// IPv6 host has more addresses than anyone can count, all addresses together have a budget too, from
// which those that once knew the password are exempt: guessing cannot keep the owner out.
//
// A try is charged before the password is checked and refunded when it was right: a hundred tries at
// once are a hundred tries.

import { monotonicMs } from '../monotonic.ts';

const FREE_TRIES = 5;
const MAX_WAIT_MS = 60_000;
const FORGET_AFTER_MS = 15 * 60_000;
const MAX_ADDRESSES = 1024;
const MAX_TRUSTED = 64;
const SHARED_BURST = 60;
const SHARED_PER_SEC = 1;

interface Tries {
  failed: number;
  lastAtMs: number;
  /** No try before this. */
  notBeforeMs: number;
}

export class LoginAttempts {
  /** Addresses in order of the last try, the oldest first. */
  readonly #byAddress = new Map<string, Tries>();
  readonly #trusted = new Set<string>();
  readonly #now: () => number;
  #shared = SHARED_BURST;
  #sharedAtMs: number;

  constructor(options: { now?: () => number } = {}) {
    this.#now = options.now ?? monotonicMs;
    this.#sharedAtMs = this.#now();
  }

  get addressCount(): number {
    return this.#byAddress.size;
  }

  /** Charges a try to the address. Returns how long it has to wait before it may try; 0: it may. */
  begin(address: string): number {
    const now = this.#now();
    const known = this.#byAddress.get(address);
    const tries =
      known && now - known.lastAtMs < FORGET_AFTER_MS ? known : { failed: 0, lastAtMs: now, notBeforeMs: 0 };
    // A try that is refused does not lengthen the wait: otherwise a program that does not give up
    // would lock its address for ever.
    if (tries.notBeforeMs > now) return tries.notBeforeMs - now;
    const wait = this.#trusted.has(address) ? 0 : this.#takeShared(now);
    if (wait > 0) return wait;
    tries.failed++;
    tries.lastAtMs = now;
    if (tries.failed >= FREE_TRIES)
      tries.notBeforeMs = now + Math.min(MAX_WAIT_MS, 1000 * 2 ** (tries.failed - FREE_TRIES));
    this.#remember(address, tries);
    return 0;
  }

  /** The try that `begin` allowed was right. */
  succeed(address: string): void {
    this.#byAddress.delete(address);
    this.#shared = Math.min(SHARED_BURST, this.#shared + 1);
    this.#trusted.delete(address);
    this.#trusted.add(address);
    for (const oldest of this.#trusted) {
      if (this.#trusted.size <= MAX_TRUSTED) break;
      this.#trusted.delete(oldest);
    }
  }

  #takeShared(now: number): number {
    this.#shared = Math.min(SHARED_BURST, this.#shared + ((now - this.#sharedAtMs) / 1000) * SHARED_PER_SEC);
    this.#sharedAtMs = now;
    if (this.#shared < 1) return ((1 - this.#shared) / SHARED_PER_SEC) * 1000;
    this.#shared -= 1;
    return 0;
  }

  #remember(address: string, tries: Tries): void {
    this.#byAddress.delete(address);
    this.#byAddress.set(address, tries);
    for (const oldest of this.#byAddress.keys()) {
      if (this.#byAddress.size <= MAX_ADDRESSES) break;
      this.#byAddress.delete(oldest);
    }
  }
}
