// The way down: orderly when asked to, and a last resort when init itself has failed. Both end in reboot(2),
// whatever hangs on the way: every step has a time limit, and a process that will not die is left behind.

import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PowerCommand } from '../sys/sys.ts';
import { describeError } from '../describe-error.ts';
import { saveTime } from './clock-floor.ts';
import type { Device } from './device/device.ts';
import { saveEntropySeed } from './entropy-seed.ts';

const STOP_LIMIT_AFTER_FAILURE_MS = 15_000;
/** A flash card that is busy with itself takes seconds. */
const KEEP_LOGS_LIMIT_MS = 5000;
const SYNC_LIMIT_MS = 20_000;
/** Time to read the message on a screen, when boot fails again and again. */
const COUNTDOWN_MS = 10_000;

export interface ShutdownOptions {
  countdownMs?: number;
}

export class Shutdown {
  readonly #device: Device;
  readonly #countdownMs: number;
  #isRunning = false;
  #hasFailed = false;

  constructor(device: Device, { countdownMs = COUNTDOWN_MS }: ShutdownOptions = {}) {
    this.#device = device;
    this.#countdownMs = countdownMs;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Resolves when all is done, which a device does not live to see. `powerOff`: another way to do what `command` says. */
  async run(command: PowerCommand, why: string, powerOff?: () => Promise<void>): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    const { log, sys } = this.#device;
    log.say(`${command}: ${why}`);
    await this.#stop(this.#device.stopLimitMs(), `${command}: ${why}`);
    try {
      if (powerOff !== undefined) return await powerOff();
    } catch (error) {
      log.alarm(`${command} in the plain way: ${describeError(error)}`);
    }
    sys.power(command);
  }

  /** Something that must not happen has happened in PID 1. Never returns to what was going on. */
  async lastResort(error: unknown, during: 'boot' | 'operation'): Promise<void> {
    const { log, sys } = this.#device;
    if (this.#hasFailed) {
      log.alarm(`fatal again: ${describeError(error)}`);
      sys.power('restart');
      return;
    }
    this.#hasFailed = true;
    this.#isRunning = true;
    const stack = error instanceof Error ? (error.stack ?? '') : '';
    log.alarm(`fatal: ${describeError(error)}; the device restarts\n${stack}`);
    await this.#stop(STOP_LIMIT_AFTER_FAILURE_MS, `fatal: ${describeError(error)}`);
    if (during === 'boot') await sleep(this.#countdownMs);
    sys.power('restart');
  }

  async #stop(limitMs: number, how: string): Promise<void> {
    const { log, sys } = this.#device;
    const stopped = await withinLimit(this.#device.stopServices(), limitMs);
    log.say(stopped ? 'services stopped' : `services did not stop within ${limitMs / 1000} s`);
    const isPermMounted = this.#device.perm.state === 'mounted';
    if (isPermMounted) this.#saveState();
    await this.#device.logKeeper.close(how, KEEP_LOGS_LIMIT_MS);
    const outcome = await sys
      .syncAndUnmount(isPermMounted ? permMounts(this.#device) : [], SYNC_LIMIT_MS)
      .catch((error: unknown) => describeError(error));
    log.say(outcome === 'done' ? 'data is safe on disk' : `data may not be safe on disk: ${outcome}`);
  }

  #saveState(): void {
    for (const save of [saveTime, saveEntropySeed]) {
      try {
        save(this.#device.sys);
      } catch (error) {
        this.#device.log.say(`Cannot save state: ${describeError(error)}`);
      }
    }
  }
}

/** All of them, the latest first: after a live switch the other root has it, too. */
function permMounts({ sys, perm }: Device): string[] {
  try {
    const mounts = readFileSync(sys.path('/proc/mounts'), 'utf8').trimEnd().split('\n');
    return mounts
      .map((line) => line.split(' '))
      .filter(([source]) => source === perm.device)
      .map(([, target = '']) => sys.path(target))
      .toReversed();
  } catch {
    return [sys.path('/perm')]; // The way down never ends for want of a list.
  }
}

async function withinLimit(work: Promise<void>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const timeIsUp = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), limitMs);
  });
  try {
    // A failure to stop something is as good as a time-out here: the way down goes on.
    return await Promise.race([work.then(() => true).catch(() => false), timeIsUp]);
  } finally {
    clearTimeout(timer);
  }
}
