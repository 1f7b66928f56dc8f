// The device's clock: asks time servers in rounds, takes what most of them say, and sets the clock by it. Which servers:
// those of the configuration, else those that DHCP names (option 42), with the public pool beside them while they are
// too few to outvote a wrong one.

import type { NetStatus } from '../../../shared/network/net-status.ts';
import type { TimeStatus } from '../../../shared/network/time-status.ts';
import type { Clock } from '../../sys/clock.ts';
import { describeDuration } from '../duration.ts';
import { replaceFile } from '../replace-file.ts';
import {
  type DisciplineState,
  INITIAL_DISCIPLINE,
  pollIntervalMs,
  stepDiscipline,
  type Verdict,
} from './discipline.ts';
import type { Sample, TimeLimits } from './sample.ts';
import { selectTime, type Selection } from './selection.ts';
import { TimeServer } from './time-server.ts';

export interface TimeClientOptions {
  /** Undefined: whatever servers there are. Empty: the clock is not ours to set. */
  configured: readonly string[] | undefined;
  clock: Clock;
  /** Unix time of the image's build. */
  buildTimeSec: number;
  statusPath: string;
  /** The clock has jumped. */
  onStep: () => void;
  log: (text: string) => void;
}

const POOL = ['0.pool.ntp.org', '1.pool.ntp.org', '2.pool.ntp.org', '3.pool.ntp.org'];
/** With three, two outvote the third. */
const ENOUGH_SERVERS = 3;
const TIME_LIMIT_MS = 2500;
/** However often cables are pulled. */
const MIN_ROUND_DISTANCE_MS = 4000;
/** After the clock has been set, a lost packet is no news. */
const SILENT_ROUNDS = 3;
const LIFETIME_MS = 50 * 365 * 24 * 3600 * 1000;
const HARDWARE_CLOCK_INTERVAL_MS = 24 * 3600 * 1000;

interface Voter {
  server: TimeServer;
  sample: Sample;
}

export class TimeClient {
  readonly #options: TimeClientOptions;
  readonly #limits: TimeLimits;
  #servers: TimeServer[] = [];
  #agreeing: readonly TimeServer[] = [];
  readonly #liars = new Set<string>();
  #discipline: DisciplineState = INITIAL_DISCIPLINE;
  #adjusted: { atMs: number; monotonicMs: number; offsetMs: number } | undefined;
  #hardwareClockSetMs = -Infinity;
  #problem: string | null = 'No network yet';
  #network = '';
  #timer: NodeJS.Timeout | undefined;
  #lastRoundMs = -Infinity;
  #isAsking = false;
  /** The network changed in the middle of a round. */
  #isHurried = false;
  #isStopped = false;
  #published = '';

  constructor(options: TimeClientOptions) {
    this.#options = options;
    const floorMs = options.buildTimeSec * 1000;
    this.#limits = { floorMs, ceilingMs: floorMs + LIFETIME_MS };
    if (options.configured?.length === 0) this.#problem = 'No time servers are configured';
    this.#publish();
  }

  /** After every change: a network that has just come is asked at once. */
  setNetwork(status: NetStatus): void {
    if (this.#options.configured?.length === 0) return;
    const up = status.interfaces.filter(({ carrier }) => carrier);
    const addresses = up.flatMap((each) => each.addresses.filter((address) => !address.startsWith('fe80:')));
    const named = up.flatMap(({ ntpServers }) => ntpServers);
    const network = JSON.stringify([addresses.toSorted(), named, status.online]);
    if (network === this.#network) return;
    this.#network = network;
    this.#useServers(this.#options.configured ?? withPool(named));
    if (addresses.length === 0) {
      clearTimeout(this.#timer);
      if (!this.#discipline.synchronised) this.#problem = 'No network';
    } else {
      for (const server of this.#servers) server.lookUpAgain();
      this.#discipline = { ...this.#discipline, silentRounds: 0 };
      if (this.#isAsking) this.#isHurried = true;
      else this.#schedule(Math.max(0, this.#lastRoundMs + MIN_ROUND_DISTANCE_MS - performance.now()));
    }
    this.#publish();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #useServers(names: readonly string[]): void {
    const known = new Map(this.#servers.map((server) => [server.name, server]));
    this.#servers = [...new Set(names)].map((name) => known.get(name) ?? new TimeServer(name));
    this.#agreeing = this.#agreeing.filter((server) => this.#servers.includes(server));
  }

  #schedule(delayMs: number): void {
    clearTimeout(this.#timer);
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.#round(), delayMs);
  }

  async #round(): Promise<void> {
    this.#isAsking = true;
    this.#isHurried = false;
    this.#lastRoundMs = performance.now();
    const { clock } = this.#options;
    const context = { limits: this.#limits, nowMs: () => clock.nowMs(), timeLimitMs: TIME_LIMIT_MS };
    await Promise.all(this.#servers.map((server) => server.ask(context)));
    this.#isAsking = false;
    const verdict = this.#judge();
    this.#publish();
    this.#schedule(this.#isHurried ? MIN_ROUND_DISTANCE_MS : verdict.delayMs);
  }

  #judge(): Verdict {
    const nowMs = performance.now();
    const voters = this.#servers.flatMap((server): Voter[] => {
      const sample = server.best(nowMs);
      return sample === undefined ? [] : [{ server, sample }];
    });
    const selection = selectTime(
      voters.map(({ sample }) => sample),
      nowMs,
      this.#adjusted?.monotonicMs,
    );
    this.#agreeing = selection?.agreeing.flatMap((index) => voters[index]?.server ?? []) ?? [];
    this.#explain(voters.length, selection);
    if (selection !== undefined) this.#reportLiars(voters, selection);
    const verdict = stepDiscipline(this.#discipline, selection);
    const isFirst = verdict.state.synchronised && !this.#discipline.synchronised;
    this.#discipline = verdict.state;
    if (selection !== undefined && verdict.action !== 'none')
      this.#adjust(verdict.action, selection, isFirst);
    return verdict;
  }

  #adjust(action: 'step' | 'slew', selection: Selection, isFirst: boolean): void {
    const { clock, log, onStep } = this.#options;
    const { offsetMs } = selection;
    const slew = {
      pollExponent: this.#discipline.pollExponent,
      maxErrorMs: selection.errorMs,
      leap: isLeapDay(clock.nowMs() + offsetMs) ? selection.leap : 'none',
    };
    try {
      if (clock.nowMs() + offsetMs < this.#limits.floorMs)
        throw new Error('it would be before the build time');
      if (action === 'step') clock.step(offsetMs);
      clock.slew({ ...slew, offsetMs: action === 'step' ? 0 : offsetMs });
    } catch (error) {
      this.#discipline = { ...this.#discipline, synchronised: false };
      this.#complain(`Cannot set the clock: ${(error as Error).message}`);
      return;
    }
    for (const server of this.#servers) server.correct(offsetMs);
    this.#adjusted = { atMs: clock.nowMs(), monotonicMs: performance.now(), offsetMs };
    if (action === 'step') {
      log(`time: set ${describeOffset(offsetMs)}, as ${this.#authority()} says`);
      onStep();
    } else if (isFirst) {
      log(`time: the clock is right to ${describeSize(offsetMs)}, as ${this.#authority()} says`);
    }
    if (action === 'step' || performance.now() > this.#hardwareClockSetMs + HARDWARE_CLOCK_INTERVAL_MS) {
      this.#saveToHardware();
    }
  }

  #saveToHardware(): void {
    this.#hardwareClockSetMs = performance.now();
    try {
      this.#options.clock.saveToHardware();
    } catch (error) {
      this.#options.log(`time: the hardware clock cannot be set: ${(error as Error).message}`);
    }
  }

  /** Each once, until it agrees again. */
  #reportLiars(voters: readonly Voter[], { offsetMs }: Selection): void {
    for (const { server, sample } of voters) {
      if (this.#agreeing.includes(server)) this.#liars.delete(server.name);
      else if (!this.#liars.has(server.name)) {
        this.#liars.add(server.name);
        const by = describeSize(sample.offsetMs - offsetMs);
        this.#options.log(`time: ${server.name} is not believed: it is ${by} away from the others`);
      }
    }
  }

  #authority(): string {
    const [first, ...others] = this.#agreeing.map(({ name }) => name);
    return others.length === 0 ? (first ?? '') : `${first} with ${others.length} more`;
  }

  #explain(voters: number, selection: Selection | undefined): void {
    if (selection !== undefined) this.#problem = null;
    else if (voters > 0) this.#complain('The time servers contradict each other');
    else if (!this.#discipline.synchronised || this.#discipline.silentRounds >= SILENT_ROUNDS) {
      this.#complain('No time server answers');
    }
  }

  /** Once, however long it lasts. */
  #complain(problem: string): void {
    if (problem !== this.#problem) this.#options.log(`time: ${problem}`);
    this.#problem = problem;
  }

  #publish(): void {
    const status: TimeStatus = {
      formatVersion: 1,
      synchronised: this.#discipline.synchronised,
      lastAdjustedAtMs: this.#adjusted === undefined ? null : Math.round(this.#adjusted.atMs),
      lastOffsetMs: this.#adjusted === undefined ? null : Math.round(this.#adjusted.offsetMs * 1000) / 1000,
      pollIntervalSec: pollIntervalMs(this.#discipline) / 1000,
      servers: this.#servers.map((server) => server.status(this.#agreeing.includes(server))),
      problem: this.#problem,
    };
    const text = `${JSON.stringify(status, null, 2)}\n`;
    if (text === this.#published) return;
    try {
      replaceFile(this.#options.statusPath, text);
      this.#published = text;
    } catch (error) {
      // A full /run must not cost the clock.
      this.#options.log(`time: ${(error as Error).message}`);
    }
  }
}

function withPool(named: readonly string[]): readonly string[] {
  return named.length >= ENOUGH_SERVERS ? named : [...named, ...POOL];
}

/**
 * Servers announce a leap second up to a month before, and the kernel puts it at the end of the very day on which it is
 * told. All of them were in June or December, and more than one was announced by mistake in another month.
 */
function isLeapDay(timeMs: number): boolean {
  const time = new Date(timeMs);
  const [month, day] = [time.getUTCMonth(), time.getUTCDate()];
  return (month === 5 && day === 30) || (month === 11 && day === 31);
}

/** `forwards by 2.5 hours`, `back by 3 ms` */
function describeOffset(offsetMs: number): string {
  return `${offsetMs < 0 ? 'back' : 'forwards'} by ${describeSize(offsetMs)}`;
}

function describeSize(offsetMs: number): string {
  const sizeMs = Math.abs(offsetMs);
  return sizeMs < 1000 ? `${Math.ceil(sizeMs)} ms` : describeDuration(Math.round(sizeMs / 1000));
}
