// One time server: where it is, what it has said, and whether it wants to be asked at all.

import { Resolver } from 'node:dns/promises';
import { isIpv4Address } from '../../../formats/ipv4-address.ts';
import { isIpv6Address } from '../../../formats/ipv6-address.ts';
import type { TimeLimits } from '../../../shared/manifest/build-time.ts';
import { parseTimeServer } from '../../../shared/network/time-servers.ts';
import type { TimeServerStatus } from '../../../shared/network/time-status.ts';
import { askServer, type Reply } from './ask-server.ts';
import { ClockFilter } from './clock-filter.ts';
import type { KissCode, Sample } from './sample.ts';
import { monotonicMs } from '../../monotonic.ts';

export interface AskContext {
  limits: TimeLimits;
  nowMs: () => number;
  timeLimitMs: number;
}

/**
 * After so many questions without a usable answer the server's last words no longer count, and its name is looked up
 * anew.
 */
const FORGET_AFTER = 3;
const FIRST_HOLD_MS = 2 ** 7 * 1000;
const MAX_HOLD_MS = 2 ** 17 * 1000;

export class TimeServer {
  readonly name: string;
  readonly #host: string;
  readonly #port: number;
  readonly #filter = new ClockFilter();
  #addresses: readonly string[] = [];
  /** Whom not to ask again: who answered DENY or RSTR. */
  readonly #refused = new Set<string>();
  #failures = 0;
  #heldUntilMs = -Infinity;
  #holdMs = FIRST_HOLD_MS;
  #problem: string | null = null;
  /** Whether the server answered last, with what cannot be used. */
  #isUnfit = false;
  #last: Sample | undefined;

  constructor(name: string) {
    const parsed = parseTimeServer(name);
    if (parsed === undefined) throw new TypeError(`Cannot ask "${name}" for the time: not a name or address`);
    this.name = name;
    this.#host = parsed.host;
    this.#port = parsed.port;
  }

  /** Asks once, unless the server asked for a pause. Never rejects. */
  async ask(context: AskContext): Promise<void> {
    if (monotonicMs() < this.#heldUntilMs) return;
    for (;;) {
      const address = await this.#address(context.timeLimitMs);
      if (address === undefined) return this.#fail();
      const reply = await askServer({ ...context, address, port: this.#port });
      // The network has no addresses of this one's family, say: the next of the name costs no time.
      if (reply.kind !== 'no-route' || this.#addresses.length <= 1) return this.#take(reply, address);
      this.#addresses = this.#addresses.slice(1);
    }
  }

  best(nowMs: number): Sample | undefined {
    return this.#filter.best(nowMs);
  }

  /** The clock has been corrected. */
  correct(correctionMs: number): void {
    this.#filter.correct(correctionMs);
    if (this.#last !== undefined) {
      this.#last = { ...this.#last, offsetMs: this.#last.offsetMs - correctionMs };
    }
  }

  /** The network has changed: a name that led nowhere may lead somewhere now. */
  lookUpAgain(): void {
    if (this.#failures > 0) this.#addresses = [];
  }

  /** `doubt`: why its time alone is not believed. */
  status(agrees: boolean, doubt: string | null = null): TimeServerStatus {
    const best = this.#filter.best(monotonicMs());
    const isHeld = monotonicMs() < this.#heldUntilMs;
    return {
      name: this.name,
      address: this.#addresses[0] ?? null,
      state: this.#stateOf({ agrees, isHeld, hasSample: best !== undefined, isDoubted: doubt !== null }),
      offsetMs: best === undefined ? null : round(best.offsetMs),
      delayMs: best === undefined ? null : round(best.delayMs),
      stratum: best?.stratum ?? null,
      problem: this.#problem ?? doubt,
    };
  }

  #stateOf(facts: {
    agrees: boolean;
    isHeld: boolean;
    hasSample: boolean;
    isDoubted: boolean;
  }): TimeServerStatus['state'] {
    if (facts.isHeld) return 'refused';
    if (facts.agrees) return 'agrees';
    if (this.#isUnfit || facts.isDoubted) return 'unfit';
    if (facts.hasSample) return 'disagrees';
    return this.#problem === null ? 'new' : 'silent';
  }

  #take(reply: Reply, address: string): void {
    this.#isUnfit = reply.kind === 'unfit';
    if (reply.kind === 'kiss') return this.#onKiss(reply.code, address);
    if (reply.kind !== 'sample') {
      this.#problem = reply.problem;
      // A clock that is wrong in itself has no vote; one that did not answer may have been unlucky.
      if (reply.kind === 'unfit') this.#filter.clear();
      return this.#fail();
    }
    this.#filter.add(reply.sample);
    this.#last = reply.sample;
    this.#failures = 0;
    this.#problem = null;
    return undefined;
  }

  #fail(): void {
    if (++this.#failures % FORGET_AFTER !== 0) return;
    this.#filter.clear();
    // The next of its addresses; all of them again when there is none left.
    this.#addresses = this.#addresses.slice(1);
  }

  /** RFC 5905 section 7.4: who is told to go away goes away. */
  #onKiss(code: KissCode, address: string): void {
    this.#filter.clear();
    if (code !== 'RATE') {
      this.#refused.add(address);
      this.#addresses = this.#addresses.slice(1);
    }
    this.#problem = `It asks to be left alone (${code})`;
    this.#heldUntilMs = monotonicMs() + this.#holdMs;
    this.#holdMs = Math.min(this.#holdMs * 2, MAX_HOLD_MS);
  }

  async #address(timeLimitMs: number): Promise<string | undefined> {
    if (this.#addresses.length === 0) {
      const isAddress = isIpv4Address(this.#host) || isIpv6Address(this.#host);
      const found = isAddress ? [this.#host] : await lookUp(this.#host, timeLimitMs);
      this.#addresses = found.filter((address) => !this.#refused.has(address));
      if (found.length === 0) this.#problem = 'Its name cannot be looked up';
    }
    return this.#addresses[0];
  }
}

/** A resolver each time: it reads resolv.conf when it is made. Not getaddrinfo, which blocks a thread for long. */
async function lookUp(name: string, timeLimitMs: number): Promise<string[]> {
  const resolver = new Resolver({ timeout: timeLimitMs / 2, tries: 2 });
  const timer = setTimeout(() => resolver.cancel(), timeLimitMs);
  const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
  clearTimeout(timer);
  return answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
}

/** Rounds to a microsecond: more is noise, and would be written to the status file. */
function round(valueMs: number): number {
  return Math.round(valueMs * 1000) / 1000;
}
