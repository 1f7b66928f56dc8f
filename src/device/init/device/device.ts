// What init knows of the device it runs, filled in by the boot steps and reported by the control API.

import { readFileSync } from 'node:fs';
import { loadavg, release } from 'node:os';
import {
  type BootRecord,
  LOG_OF_INIT,
  LOG_OF_KERNEL,
  type PermStatus,
  type SystemStatus,
} from '../../../shared/api/init-api.ts';
import type { WifiTrials } from '../../../shared/network/wifi-api.ts';
import type { WifiFile } from '../../../shared/network/wifi-file.ts';
import type { DeviceConfig } from '../../../shared/services/services.ts';
import { isSlot } from '../../../shared/board/slots.ts';
import { SLOT_PARAMETER } from '../../../shared/board/cmdline.ts';
import type { Sys } from '../../sys/sys.ts';
import { InitLog } from '../log/init-log.ts';
import { KernelLog } from '../log/kernel-log.ts';
import { LogKeeper } from '../log/log-keeper.ts';
import { PowerWatch } from './power-watch.ts';
import type { Breakglass } from '../breakglass/breakglass.ts';
import type { Service } from '../supervisor/service.ts';
import type { Supervisor } from '../supervisor/supervisor.ts';
import { UeventFeed } from '../uevents/uevent-feed.ts';

/** Logs here outlive a reboot. */
const LOG_DIRECTORY = '/perm/log';
/** Added to the time that the slowest service may take for its stop. */
const STOP_MARGIN_MS = 10_000;

export class Device {
  readonly sys: Sys;
  readonly log: InitLog;
  readonly kernelLog: KernelLog;
  /** Devices that come and go. */
  readonly uevents: UeventFeed;
  /** Copies the logs to /perm, once that is there. */
  readonly logKeeper: LogKeeper;
  /** Words of the kernel command line. */
  kernelArguments: ReadonlyMap<string, string> = new Map();
  perm: PermStatus = { state: 'pending', device: null, note: null };
  /** Whether /perm is in memory although the disk has one that should be usable. */
  isPermLost = false;
  /** Whether there is no hardware clock, or none that could be right: init has set the time to what it knows. */
  isClockGuessed = false;
  watchdog: SystemStatus['watchdog'] = 'none';
  readonly warnings: string[] = [];
  /** undefined: nobody has asked for a session since the start. */
  breakglass: Breakglass | undefined;
  /** undefined: the image has no Wi-Fi, or the boot has not come so far. */
  wifiNetworks: WifiFile | undefined;
  /** undefined: nobody has changed the networks since the start. */
  wifiTrials: { trials(): WifiTrials } | undefined;
  #config: DeviceConfig | undefined;
  /** Build that the device has started from: apps of another one may run by now. */
  #bootBuildId = '';
  #supervisor: Supervisor | undefined;
  #power: PowerWatch | undefined;

  constructor(sys: Sys) {
    this.sys = sys;
    this.log = new InitLog(sys);
    this.kernelLog = new KernelLog(sys);
    this.uevents = new UeventFeed(sys, (text) => this.warn(text));
    this.logKeeper = new LogKeeper({ directory: sys.path(LOG_DIRECTORY), say: (text) => this.log.say(text) });
    this.logKeeper.keep(LOG_OF_INIT, this.log.ring);
    this.logKeeper.keepPolled(LOG_OF_KERNEL, this.kernelLog.newLines());
  }

  get config(): DeviceConfig {
    if (this.#config === undefined) throw new Error('The configuration has not been read yet');
    return this.#config;
  }

  set config(config: DeviceConfig) {
    this.#bootBuildId ||= config.buildId;
    this.#config = config;
  }

  /** Made when it is used first: /dev and /sys have to be there. */
  get power(): PowerWatch {
    return (this.#power ??= new PowerWatch(this.sys, (text) => this.warn(text)));
  }

  /** Empty when boot has failed before there were any. */
  services(): readonly Service[] {
    return this.#supervisor?.list() ?? [];
  }

  /** Time for two stops, one after the other: on the way down apps, then our own programs. What hangs takes longer. */
  stopLimitMs(): number {
    const longest = Math.max(0, ...this.services().map(({ spec }) => spec.stopTimeoutSec));
    return 2 * longest * 1000 + STOP_MARGIN_MS;
  }

  get supervisor(): Supervisor {
    if (this.#supervisor === undefined) throw new Error('There is no supervisor yet');
    return this.#supervisor;
  }

  set supervisor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** May be called when boot has failed before there were any services. */
  async stopServices(): Promise<void> {
    await this.#supervisor?.stopAll();
  }

  /** Something that a person should know about this boot, and that it goes on regardless. */
  warn(text: string): void {
    this.warnings.push(text);
    this.log.say(`warning: ${text}`);
  }

  status(): SystemStatus {
    const { config } = this;
    const slot = this.kernelArguments.get(SLOT_PARAMETER);
    const uptimeMs = this.sys.uptimeMs();
    const [one = 0, five = 0, fifteen = 0] = loadavg();
    return {
      hostname: config.hostname,
      board: config.board,
      buildId: config.buildId,
      buildTimeSec: config.buildTimeSec,
      tskrazyVersion: config.tskrazyVersion,
      components: config.components,
      slot: slot !== undefined && isSlot(slot) ? slot : null,
      kernel: release(),
      bootedAtMs: Date.now() - uptimeMs,
      uptimeSec: uptimeMs / 1000,
      perm: this.#permNow(),
      loadAverage: [one, five, fifteen],
      watchdog: this.watchdog,
      power: this.power.status(),
      warnings: this.warnings,
      ...this.#sessionNow(),
      ...(this.wifiTrials && { wifi: this.wifiTrials.trials() }),
    };
  }

  #sessionNow(): Pick<SystemStatus, 'breakglass'> {
    const session = this.breakglass?.session() ?? null;
    return session === null ? {} : { breakglass: session };
  }

  /** This boot, as the logs that are kept know it. */
  bootRecord(): Omit<BootRecord, 'boot' | 'logs'> {
    const { slot, bootedAtMs } = this.status();
    const id = readFileSync(this.sys.path('/proc/sys/kernel/random/boot_id'), 'latin1').trim();
    return { id, buildId: this.#bootBuildId, slot, bootedAtMs, end: null };
  }

  /** ext4 makes itself read-only when it finds damage (errors=remount-ro). */
  #permNow(): PermStatus {
    if (this.perm.state !== 'mounted') return this.perm;
    const mounts = readFileSync(this.sys.path('/proc/mounts'), 'utf8');
    if (!/^\S+ \/perm ext4 ro[, ]/m.test(mounts)) return this.perm;
    return { ...this.perm, note: 'read-only, because damage was found: a reboot repairs it' };
  }
}
