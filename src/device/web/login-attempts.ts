// Slows down guessing of the password. Every address has a few free wrong tries, then waits that double up to a minute;
// they are forgotten after a while, so that nobody is locked out for ever. Whoever has many addresses has them in one
// network, which has a budget of its own, and all together have one, too: an IPv6 host has more addresses than anyone can
// count. Those that once knew the password are exempt from both: guessing cannot keep the owner out.
//
// This device itself is one address, whichever of its own a program on it takes: 127.0.0.0/8 alone has 16 million. What
// its apps guess counts for nobody else, and costs nobody else a wait.
//
// A try is charged before the password is checked and refunded when it was right: a hundred tries at
// once are a hundred tries.

import { monotonicMs } from '../monotonic.ts';
import { ipv6ToBytes } from '../../formats/ipv6-address.ts';
import type { KnownAddresses } from './known-addresses.ts';

const FREE_TRIES = 5;
const MAX_WAIT_MS = 60_000;
/** A network may be a household behind one router; its longest wait is also that of a neighbour who has not tried yet. */
const FREE_TRIES_OF_NETWORK = 20;
const MAX_WAIT_OF_NETWORK_MS = 16_000;
const FORGET_AFTER_MS = 15 * 60_000;
const MAX_ADDRESSES = 1024;
const SHARED_BURST = 60;
const SHARED_PER_SEC = 1;

export interface Client {
  /** Canonical. */
  address: string;
  /** The request was sent on this device. */
  isDevice: boolean;
}

interface Tries {
  failed: number;
  lastAtMs: number;
  /** No try before this. */
  notBeforeMs: number;
}

export class LoginAttempts {
  /** Tries by address and by network, in order of the last try, the oldest first. */
  readonly #byOrigin = new Map<string, Tries>();
  readonly #known: Pick<KnownAddresses, 'has' | 'add'>;
  readonly #now: () => number;
  #shared = SHARED_BURST;
  #sharedAtMs: number;

  constructor(known: Pick<KnownAddresses, 'has' | 'add'>, options: { now?: () => number } = {}) {
    this.#known = known;
    this.#now = options.now ?? monotonicMs;
    this.#sharedAtMs = this.#now();
  }

  get originCount(): number {
    return this.#byOrigin.size;
  }

  /** Charges a try to the client. Returns how long it has to wait before it may try; 0: it may. */
  begin({ address, isDevice }: Client): number {
    const now = this.#now();
    if (isDevice) return this.#charge(DEVICE, now);
    // A try that is refused does not lengthen the wait: otherwise a program that does not give up
    // would lock its address for ever.
    const known = this.#waitOf(address, now);
    if (known > 0) return known;
    if (!this.#known.has(address)) {
      const wait = this.#waitOf(networkOf(address), now) || this.#takeShared(now);
      if (wait > 0) return wait;
      this.#charge(networkOf(address), now);
    }
    return this.#charge(address, now);
  }

  /** The try that `begin` allowed was right. */
  succeed({ address, isDevice }: Client): void {
    this.#byOrigin.delete(isDevice ? DEVICE : address);
    if (isDevice) return;
    const network = this.#byOrigin.get(networkOf(address));
    if (network && !this.#known.has(address)) network.failed--;
    this.#shared = Math.min(SHARED_BURST, this.#shared + 1);
    this.#known.add(address);
  }

  #waitOf(origin: string, now: number): number {
    return Math.max(0, this.#triesOf(origin, now).notBeforeMs - now);
  }

  #triesOf(origin: string, now: number): Tries {
    const known = this.#byOrigin.get(origin);
    return known && now - known.lastAtMs < FORGET_AFTER_MS
      ? known
      : { failed: 0, lastAtMs: now, notBeforeMs: 0 };
  }

  /** Returns the wait there was, in which nothing is charged. */
  #charge(origin: string, now: number): number {
    const tries = this.#triesOf(origin, now);
    if (tries.notBeforeMs > now) return tries.notBeforeMs - now;
    const isNetwork = origin.includes('/');
    const over = ++tries.failed - (isNetwork ? FREE_TRIES_OF_NETWORK : FREE_TRIES);
    tries.lastAtMs = now;
    if (over >= 0)
      tries.notBeforeMs = now + Math.min(isNetwork ? MAX_WAIT_OF_NETWORK_MS : MAX_WAIT_MS, 1000 * 2 ** over);
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, tries);
    for (const oldest of this.#byOrigin.keys()) {
      if (this.#byOrigin.size <= MAX_ADDRESSES) break;
      this.#byOrigin.delete(oldest);
    }
    return 0;
  }

  #takeShared(now: number): number {
    this.#shared = Math.min(SHARED_BURST, this.#shared + ((now - this.#sharedAtMs) / 1000) * SHARED_PER_SEC);
    this.#sharedAtMs = now;
    if (this.#shared < 1) return ((1 - this.#shared) / SHARED_PER_SEC) * 1000;
    this.#shared -= 1;
    return 0;
  }
}

const DEVICE = 'this device';

/** `192.0.2.0/24` of IPv4, `2001:db8:1:2/64` of IPv6. */
function networkOf(address: string): string {
  if (address.includes(':')) return `${Buffer.from(ipv6ToBytes(address).subarray(0, 8)).toString('hex')}/64`;
  return `${address.slice(0, address.lastIndexOf('.') + 1)}0/24`;
}
