// Keeps a copy of all logs in /perm/log, so that they can be read after a reboot. Gentle: lines are gathered
// for half a minute or until there are many, and nothing is forced onto the flash; after a power cut the
// last minute may be missing. Whatever the storage does, init neither waits for it nor grows: one write at a
// time, in libuv's threads, and a bound on what waits for it.

import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BootRecord } from '../../../shared/api/init-api.ts';
import type { LogLine } from '../../../shared/services/services.ts';
import { describeError } from '../../describe-error.ts';
import {
  DEFAULT_KEPT_LIMITS,
  type KeptLimits,
  listBootDirectories,
  makeBootDirectory,
  pruneKeptLogs,
  readBootRecord,
  readKeptLog,
  type StoredBoot,
  writeBootRecord,
} from './kept-boots.ts';
import type { KeptLine } from './kept-line.ts';
import { KeptLog, type Waiting } from './kept-log.ts';
import { monotonicMs } from '../../monotonic.ts';

const FLUSH_EVERY_MS = 30_000;
/** A device that fails soon after its start shall leave something behind. */
const FIRST_FLUSH_AFTER_MS = 5000;
/** While a failure of the whole device is to be reckoned with. */
const SAFE_FLUSH_EVERY_MS = 5000;
const FLUSH_AT_BYTES = 64 * 1024;
const MAX_WAITING_BYTES = 256 * 1024;
/** The wait after a failure of a service; one that fails again and again must not make this a steady stream. */
const FLUSH_SOON_MS = 2000;
const SOON_AT_MOST_EVERY_MS = 20_000;
const PRUNE_EVERY_BYTES = 1024 * 1024;

interface FollowedLog {
  follow(follower: (line: LogLine) => void): () => void;
}

export interface LogKeeperOptions {
  /** /perm/log. */
  directory: string;
  /** Into init's own log. */
  say: (text: string) => void;
  limits?: KeptLimits;
  now?: () => number;
}

export class LogKeeper {
  readonly #directory: string;
  readonly #say: (text: string) => void;
  readonly #limits: KeptLimits;
  readonly #now: () => number;
  readonly #waiting: Waiting = { bytes: 0, limitBytes: MAX_WAITING_BYTES };
  readonly #logs: KeptLog[] = [];
  #unfollow: (() => void)[] = [];
  #pull: (() => void)[] = [];
  #boot: StoredBoot | undefined;
  /** Name of this boot's directory, once it is there. */
  #name: string | undefined;
  #isRecorded = false;
  /** The first write prunes, too. */
  #writtenSincePrune = PRUNE_EVERY_BYTES;
  #work: Promise<void> | undefined;
  #reads: Promise<unknown> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #soonTimer: NodeJS.Timeout | undefined;
  #lastSoon = -Infinity;
  #isFailing = false;
  #hasGivenUp = false;
  #isSafe = false;
  /** `flush` has been called and has not begun yet, or is at it. */
  #isFlushAsked = false;

  constructor(options: LogKeeperOptions) {
    this.#directory = options.directory;
    this.#say = options.say;
    this.#limits = options.limits ?? DEFAULT_KEPT_LIMITS;
    this.#now = options.now ?? monotonicMs;
  }

  /** Keeps the log from now on: what comes before `start` waits for that call. */
  keep(name: string, log: FollowedLog): void {
    if (this.#hasGivenUp) return;
    const kept = new KeptLog(name, this.#waiting, this.#now);
    this.#logs.push(kept);
    this.#unfollow.push(log.follow((line) => this.#add(kept, line)));
  }

  /** A log that is asked for its new lines now and then. */
  keepPolled(name: string, newLines: () => Iterable<LogLine>): void {
    const kept = new KeptLog(name, this.#waiting, this.#now);
    this.#logs.push(kept);
    this.#pull.push(() => {
      for (const line of newLines()) this.#add(kept, line);
    });
  }

  /** /perm is there. Writes nothing yet. */
  start(boot: StoredBoot): void {
    this.#boot = boot;
    this.#flushAfter(FIRST_FLUSH_AFTER_MS);
  }

  /** Says that there is no /perm that would survive a reboot. */
  giveUp(): void {
    this.#hasGivenUp = true;
    for (const unfollow of this.#unfollow.splice(0)) unfollow();
    this.#logs.length = 0;
    this.#pull = [];
    this.#boot = undefined;
    clearTimeout(this.#timer);
    clearTimeout(this.#soonTimer);
  }

  /** Something has failed whose last words should not get lost. */
  flushSoon(): void {
    if (this.#boot === undefined || this.#now() - this.#lastSoon < SOON_AT_MOST_EVERY_MS) return;
    this.#lastSoon = this.#now();
    this.#soonTimer = setTimeout(() => void this.flush(), FLUSH_SOON_MS).unref();
  }

  /**
   * While safe, lines are written sooner and forced onto the medium, so that those of a device that hangs or panics
   * can be read after its next start.
   */
  keepSafe(isSafe: boolean): void {
    this.#isSafe = isSafe;
    if (this.#boot === undefined || !isSafe) return;
    void this.flush();
    this.#flushAfter(SAFE_FLUSH_EVERY_MS);
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    if (this.#boot === undefined) return;
    await this.#work;
    // Closed meanwhile, with storage that took too long.
    if (this.#boot === undefined) return;
    this.#work ??= this.#write(this.#boot).finally(() => {
      this.#work = undefined;
      this.#isFlushAsked = false;
    });
    await this.#work;
  }

  /** The last flush, before /perm is unmounted. A storage that hangs is left alone after `limitMs`. */
  async close(how: string, limitMs: number): Promise<void> {
    if (this.#boot === undefined) return;
    this.#boot = { ...this.#boot, end: { atMs: Date.now(), how } };
    const written = this.flush().then(() => this.#writeRecord());
    await Promise.race([written, sleep(limitMs, undefined, { ref: false })]);
    this.giveUp();
  }

  /** Newest first, without this boot. One read at a time, whoever asks. */
  async boots(): Promise<BootRecord[]> {
    return this.#read(async () => {
      const names = (await listBootDirectories(this.#directory))
        .filter((name) => name !== this.#name)
        .reverse();
      const records: BootRecord[] = [];
      for (const [index, name] of names.entries()) {
        records.push({ boot: -1 - index, ...(await readBootRecord(join(this.#directory, name))) });
      }
      return records;
    });
  }

  /** `boot` as in BootRecord, 0 for this one; undefined when there is none. */
  async lines(boot: number, log: string): Promise<KeptLine[] | undefined> {
    return this.#read(async () => {
      const names = (await listBootDirectories(this.#directory)).filter((name) => name !== this.#name);
      const name = boot === 0 ? this.#name : names.at(boot);
      return name === undefined ? undefined : readKeptLog(join(this.#directory, name), log);
    });
  }

  #add(kept: KeptLog, line: LogLine): void {
    kept.add(line);
    if (this.#waiting.bytes < FLUSH_AT_BYTES || this.#isFlushAsked || this.#isFailing) return;
    this.#isFlushAsked = true;
    void this.flush();
  }

  #flushAfter(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      void this.flush();
      this.#flushAfter(this.#isSafe ? SAFE_FLUSH_EVERY_MS : FLUSH_EVERY_MS);
    }, delayMs).unref();
  }

  async #write(boot: StoredBoot): Promise<void> {
    for (const pull of this.#pull) pull();
    try {
      // Each on its own: whatever fails is tried again, and not from the beginning.
      this.#name ??= await makeBootDirectory(this.#directory);
      const directory = join(this.#directory, this.#name);
      if (!this.#isRecorded) await writeBootRecord(directory, boot);
      this.#isRecorded = true;
      if (this.#writtenSincePrune >= PRUNE_EVERY_BYTES) await this.#prune();
      for (const log of this.#logs.filter(({ isEmpty }) => !isEmpty)) {
        this.#writtenSincePrune += await log.write(join(directory, `${log.name}.log`), this.#isSafe);
      }
      this.#isFailing = false;
    } catch (error) {
      // Said once: it would otherwise be what fills the log.
      if (!this.#isFailing) this.#say(`Cannot keep logs in /perm: ${describeError(error)}`);
      this.#isFailing = true;
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') await this.#beginAnewIfRemoved();
    }
  }

  /** A program that may do everything may have cleared all of /perm. */
  async #beginAnewIfRemoved(): Promise<void> {
    const names = await listBootDirectories(this.#directory).catch(() => undefined);
    if (names === undefined || this.#name === undefined || names.includes(this.#name)) return;
    this.#name = undefined;
    this.#isRecorded = false;
  }

  async #prune(): Promise<void> {
    this.#writtenSincePrune = 0;
    if (this.#name !== undefined) await pruneKeptLogs(this.#directory, this.#name, this.#limits);
  }

  async #writeRecord(): Promise<void> {
    if (this.#boot === undefined || this.#name === undefined) return;
    // A full disk, most likely, which has been said already.
    await writeBootRecord(join(this.#directory, this.#name), this.#boot).catch(() => {});
  }

  #read<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reads.then(read);
    this.#reads = result.catch(() => {});
    return result;
  }
}
