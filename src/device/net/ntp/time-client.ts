// The device's clock: asks time servers in rounds, takes what most of them say, and sets the clock by it. Which servers:
// those of the configuration, else those that DHCP names (option 42), with the public pool beside them while they are
// too few to outvote a wrong one.

import type { NetStatus } from '../../../shared/network/net-status.ts';
import type { TimeServerStatus, TimeStatus } from '../../../shared/network/time-status.ts';
import type { Clock } from '../../sys/clock.ts';
import { replaceFile } from '../../replace-file.ts';
import {
  type DisciplineState,
  INITIAL_DISCIPLINE,
  pollIntervalMs,
  stepDiscipline,
  type Verdict,
} from './discipline.ts';
import { BuildTimeFloor } from './build-time-floor.ts';
import { describeOffset, describeSize, formatMinute } from './describe-time.ts';
import type { Sample } from './sample.ts';
import { selectTime, type Selection } from './selection.ts';
import { TimeServer } from './time-server.ts';
import { monotonicMs } from '../../monotonic.ts';

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
/** Of three, two outvote the third. */
const ENOUGH_SERVERS = 3;
const TIME_LIMIT_MS = 2500;
/** However often cables are pulled. */
const MIN_ROUND_DISTANCE_MS = 4000;
/** A lost packet is no news after the clock has been set. */
const SILENT_ROUNDS = 3;
const HARDWARE_CLOCK_INTERVAL_MS = 24 * 3600 * 1000;

interface Voter {
  server: TimeServer;
  sample: Sample;
}

export class TimeClient {
  readonly #options: TimeClientOptions;
  readonly #floor: BuildTimeFloor;
  #servers: TimeServer[] = [];
  #agreeing: readonly TimeServer[] = [];
  /** Names of those of whom the log says why they are not believed. */
  readonly #distrusted = new Set<string>();
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
    this.#floor = new BuildTimeFloor(options.buildTimeSec);
    if (options.configured?.length === 0) this.#problem = 'No time servers are configured';
    this.#publish();
  }

  /** Called after every change: a network that has just come is asked at once. */
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
      else this.#schedule(Math.max(0, this.#lastRoundMs + MIN_ROUND_DISTANCE_MS - monotonicMs()));
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
    this.#lastRoundMs = monotonicMs();
    const { clock } = this.#options;
    const context = { limits: this.#floor.limits, nowMs: () => clock.nowMs(), timeLimitMs: TIME_LIMIT_MS };
    await Promise.all(this.#servers.map((server) => server.ask(context)));
    this.#isAsking = false;
    const verdict = this.#judge();
    this.#publish();
    this.#schedule(this.#isHurried ? MIN_ROUND_DISTANCE_MS : verdict.delayMs);
  }

  #judge(): Verdict {
    const { voters, selection } = this.#select(monotonicMs());
    this.#agreeing = selection?.agreeing.flatMap((index) => voters[index]?.server ?? []) ?? [];
    this.#reportDistrust(voters, selection);
    this.#explain(voters, selection);
    const verdict = stepDiscipline(this.#discipline, selection);
    const isFirst = verdict.state.synchronised && !this.#discipline.synchronised;
    this.#discipline = verdict.state;
    if (selection !== undefined && verdict.action !== 'none')
      this.#adjust(verdict.action, selection, isFirst);
    return verdict;
  }

  /** All servers vote; those whose time is before the build only count when they are many. */
  #select(nowMs: number): { voters: readonly Voter[]; selection: Selection | undefined } {
    const everybody = this.#servers.flatMap((server): Voter[] => {
      const sample = server.best(nowMs);
      return sample === undefined ? [] : [{ server, sample }];
    });
    const select = (voters: readonly Voter[]): Selection | undefined => {
      const samples = voters.map(({ sample }) => sample);
      return selectTime(samples, nowMs, this.#adjusted?.monotonicMs);
    };
    const selection = select(everybody);
    if (selection === undefined || this.#floor.admits(this.#timeAt(selection), selection.agreeing.length))
      return { voters: everybody, selection };
    const voters = everybody.filter(({ sample }) => this.#floor.doubt(this.#timeAt(sample)) === null);
    return { voters, selection: select(voters) };
  }

  /** What the clock would show. */
  #timeAt({ offsetMs }: { offsetMs: number }): number {
    return this.#options.clock.nowMs() + offsetMs;
  }

  #adjust(action: 'step' | 'slew', selection: Selection, isFirst: boolean): void {
    const { clock, log, onStep } = this.#options;
    const { offsetMs } = selection;
    const timeMs = this.#timeAt(selection);
    const slew = {
      pollExponent: this.#discipline.pollExponent,
      maxErrorMs: selection.errorMs,
      leap: isLeapDay(timeMs) ? selection.leap : 'none',
    };
    try {
      if (action === 'step') clock.step(offsetMs);
      clock.slew({ ...slew, offsetMs: action === 'step' ? 0 : offsetMs });
    } catch (error) {
      this.#discipline = { ...this.#discipline, synchronised: false };
      this.#complain(`Cannot set the clock: ${(error as Error).message}`);
      return;
    }
    for (const server of this.#servers) server.correct(offsetMs);
    this.#adjusted = { atMs: clock.nowMs(), monotonicMs: monotonicMs(), offsetMs };
    if (action === 'step') {
      log(`time: set ${describeOffset(offsetMs)}, as ${this.#authority()} says`);
      onStep();
    } else if (isFirst) {
      log(`time: the clock is right to ${describeSize(offsetMs)}, as ${this.#authority()} says`);
    }
    const note = this.#floor.take(timeMs);
    if (note !== null) log(`time: ${note}`);
    if (action === 'step' || monotonicMs() > this.#hardwareClockSetMs + HARDWARE_CLOCK_INTERVAL_MS) {
      this.#saveToHardware();
    }
  }

  #saveToHardware(): void {
    this.#hardwareClockSetMs = monotonicMs();
    try {
      this.#options.clock.saveToHardware();
    } catch (error) {
      this.#options.log(`time: the hardware clock cannot be set: ${(error as Error).message}`);
    }
  }

  /** Each once, until it agrees again. */
  #reportDistrust(voters: readonly Voter[], selection: Selection | undefined): void {
    for (const server of this.#servers) {
      const sample = voters.find((voter) => voter.server === server)?.sample;
      const { state, problem } = this.#statusOf(server);
      const reason =
        state === 'unfit' || state === 'refused'
          ? problem
          : state === 'disagrees' && sample !== undefined && selection !== undefined
            ? `It is ${describeSize(sample.offsetMs - selection.offsetMs)} away from the others`
            : null;
      if (state === 'agrees') this.#distrusted.delete(server.name);
      if (reason === null || this.#distrusted.has(server.name)) continue;
      this.#distrusted.add(server.name);
      this.#options.log(`time: ${server.name} is not believed: ${lowerFirst(reason)}`);
    }
  }

  #authority(): string {
    const [first, ...others] = this.#agreeing.map(({ name }) => name);
    return others.length === 0 ? (first ?? '') : `${first} with ${others.length} more`;
  }

  #explain(voters: readonly Voter[], selection: Selection | undefined): void {
    if (selection !== undefined) {
      this.#problem = null;
    } else if (voters.length > 0) {
      if (!this.#complain('The time servers contradict each other')) return;
      for (const { server, sample } of voters)
        this.#options.log(`time: ${server.name} says ${formatMinute(this.#timeAt(sample))}`);
    } else if (!this.#discipline.synchronised || this.#discipline.silentRounds >= SILENT_ROUNDS) {
      const states = this.#servers.map((server) => this.#statusOf(server).state);
      const isAnswered = states.some((state) => state === 'unfit' || state === 'refused');
      this.#complain(
        isAnswered ? 'No time server gives an answer that can be believed' : 'No time server answers',
      );
    }
  }

  /** Once, however long it lasts. */
  #complain(problem: string): boolean {
    const isNew = problem !== this.#problem;
    if (isNew) this.#options.log(`time: ${problem}`);
    this.#problem = problem;
    return isNew;
  }

  #statusOf(server: TimeServer): TimeServerStatus {
    const best = server.best(monotonicMs());
    return server.status(
      this.#agreeing.includes(server),
      best === undefined ? null : this.#floor.doubt(this.#timeAt(best)),
    );
  }

  #publish(): void {
    const { note } = this.#floor;
    const status: TimeStatus = {
      formatVersion: 1,
      synchronised: this.#discipline.synchronised,
      lastAdjustedAtMs: this.#adjusted === undefined ? null : Math.round(this.#adjusted.atMs),
      lastOffsetMs: this.#adjusted === undefined ? null : Math.round(this.#adjusted.offsetMs * 1000) / 1000,
      pollIntervalSec: pollIntervalMs(this.#discipline) / 1000,
      servers: this.#servers.map((server) => this.#statusOf(server)),
      problem: this.#problem,
      notes: note === null ? [] : [note],
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

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
