// Puts PID 1 together: boots by the list, then supervises until told to stop. Everything that may fail ends
// in Shutdown, because PID 1 has nowhere to exit to. What concerns the whole process (signals, uncaught
// errors) is main.ts's.

import { setTimeout as sleep } from 'node:timers/promises';
import { NO_PERMITS } from '../../shared/permit/permit-api.ts';
import { INIT_SOCKET_PATH } from '../../shared/services/services.ts';
import { ApiRefusal } from '../api-refusal.ts';
import type { PowerCommand, Sys } from '../sys/sys.ts';
import { bootList } from './boot-list.ts';
import type { AppInspectors } from './debug/app-inspectors.ts';
import { describeError } from '../describe-error.ts';
import { runBootSteps } from './boot-step.ts';
import { saveTime } from './clock-floor.ts';
import type { Breakglass } from './breakglass/breakglass.ts';
import { Device } from './device/device.ts';
import { tellOfDiskErrors } from './disk-errors.ts';
import { Health } from './health.ts';
import { tellOfMissingFirmware } from './firmware-errors.ts';
import { ModuleLoader } from './modules/module-loader.ts';
import { watchKernelLog } from './log/watch-kernel-log.ts';
import { guardMemory } from './memory/memory-guard.ts';
import { watchPowerButtons } from './power-button.ts';
import { tellOfRefusedCalls } from './refused-calls.ts';
import { Screen } from './screen/screen.ts';
import { Shutdown, type ShutdownOptions } from './shutdown.ts';
import { Conditions } from './supervisor/conditions.ts';
import type { Service } from './supervisor/service.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import type { TrialParts } from './update/open-trials.ts';
import type { Trials } from './update/trials.ts';
import type { WifiChanges } from './wifi/wifi-changes.ts';
import { feedWatchdog } from './watchdog.ts';

/** How far the clock is behind at most after a power cut. */
const SAVE_TIME_EVERY_MS = 60 * 60 * 1000;
const RECALL_LIMIT_MS = 10_000;
/** Kernel command line: the console shows what services write, too. For tests and for a person with a cable. */
const CONSOLE_PARAMETER = 'tskrazy.console';
const SCREEN_PARAMETER = 'tskrazy.screen';
const WATCHDOG_PARAMETER = 'tskrazy.watchdog';

/** What tests replace. */
export interface InitOptions extends ShutdownOptions {
  trials?: Partial<TrialParts>;
}

export class Init {
  readonly device: Device;
  readonly #options: InitOptions;
  readonly #sys: Sys;
  readonly #shutdown: Shutdown;
  readonly #health: Health;
  readonly #trials = Promise.withResolvers<Trials>();
  #loadedTrials: Trials | undefined;
  #screen: Screen | undefined;
  #inspectors: AppInspectors | undefined;
  #wifi: Promise<WifiChanges> | undefined;
  #during: 'boot' | 'operation' = 'boot';

  constructor(sys: Sys, options: InitOptions = {}) {
    this.#sys = sys;
    this.#options = options;
    this.device = new Device(sys);
    this.#shutdown = new Shutdown(this.device, options);
    this.#health = new Health(sys.path(INIT_SOCKET_PATH), () => {
      void this.giveUp(new Error('the control API does not answer any more'));
    });
  }

  /** Resolves when all services have been started, or boot has failed and the device restarts. */
  async boot(): Promise<void> {
    const { device } = this;
    try {
      const steps = bootList({
        openWatchdog: () => this.#openWatchdog(),
        makeServices: () => this.#makeServices(),
        serveControlApi: () => this.#serveControlApi(),
        lookForTrial: () => this.#lookForTrial(),
        recallLastTrial: () => this.#recallLastTrial(),
        loadModules: () => this.#loadModules(),
      });
      await runBootSteps(steps, device);
      this.#during = 'operation';
      device.log.say(`services started ${this.#sys.uptimeMs()} ms after the kernel`);
      this.#watchHardware();
      this.#openScreen();
      watchPowerButtons(this.#sys, () => void this.power('poweroff', 'power button'));
      this.#health.keepChecking();
      setInterval(() => saveClock(device), SAVE_TIME_EVERY_MS).unref();
      void this.#saveClockOnceSet();
    } catch (error) {
      await this.giveUp(error);
    }
  }

  #watchHardware(): void {
    const { device } = this;
    device.power.keepLooking();
    watchKernelLog(device.kernelLog, [
      tellOfRefusedCalls(this.#sys, () => device.supervisor),
      tellOfDiskErrors(this.#sys, (text) => device.warn(text)),
      (line) => device.power.hear(line),
      // An image without Wi-Fi has none on purpose.
      ...(device.config.wifi ? [tellOfMissingFirmware((text) => device.warn(text))] : []),
    ]);
  }

  /** The orderly way down. */
  async power(command: PowerCommand, why: string, powerOff?: () => Promise<void>): Promise<void> {
    this.#leaveScreen();
    try {
      this.#loadedTrials?.noteRestart(why);
      await this.device.breakglass?.end(`${command}: ${why}`);
      await this.#shutdown.run(command, why, powerOff);
    } catch (error) {
      await this.giveUp(error);
    }
  }

  /** The other way down, for what must not happen in PID 1. */
  async giveUp(error: unknown): Promise<void> {
    this.#leaveScreen();
    await this.#shutdown.lastResort(error, this.#during);
  }

  /** An app that draws on it by itself may want it alone. */
  #openScreen(): void {
    if (this.device.kernelArguments.get(SCREEN_PARAMETER) === 'off') return;
    this.#screen = Screen.open(this.device, () => this.#loadedTrials?.state() ?? null);
    this.#screen?.start();
  }

  /** To the kernel, and to what is said on the way down. */
  #leaveScreen(): void {
    this.#screen?.stop();
    this.#screen = undefined;
  }

  #openWatchdog(): void {
    const { device } = this;
    if (device.kernelArguments.get(WATCHDOG_PARAMETER) === 'off') {
      device.watchdog = 'off';
      return;
    }
    const isFed = feedWatchdog({
      sys: this.#sys,
      // During shutdown it is fed on: that has time limits of its own.
      isHealthy: () => this.#health.isHealthy || this.#shutdown.isRunning,
      say: (text) => device.log.say(text),
    });
    device.watchdog = isFed ? 'fed' : 'none';
  }

  #makeServices(): void {
    const { device } = this;
    const copyToConsole = device.kernelArguments.get(CONSOLE_PARAMETER) === 'logs';
    device.supervisor = new Supervisor({
      sys: this.#sys,
      services: device.config.services,
      say: (text) => device.log.say(text),
      isPermReady: () => device.perm.state !== 'pending',
      onService: (service) => {
        device.logKeeper.keep(service.spec.name, service.log);
        if (copyToConsole) copyLogToConsole(device, service);
      },
    });
    guardMemory({
      sys: this.#sys,
      apps: () => device.supervisor.list().filter(({ spec }) => spec.kind !== 'system'),
      goFirst: () => device.supervisor.list().filter(({ spec }) => spec.diesFirst === true),
      say: (text) => device.log.say(text),
    });
    device.supervisor.watch(({ state }) => {
      if (state === 'failed' || state === 'backoff') device.logKeeper.flushSoon();
    });
  }

  async #serveControlApi(): Promise<void> {
    const { device } = this;
    // Loaded only now: node:http takes its time, which system services are not to wait for.
    const { serveInitApi } = await import('./api/init-server.ts');
    await serveInitApi(this.#sys.path(INIT_SOCKET_PATH), {
      systemStatus: () => device.status(),
      supervisor: device.supervisor,
      initLog: device.log.ring,
      kernelLog: device.kernelLog,
      logKeeper: device.logKeeper,
      bootRecord: () => device.bootRecord(),
      updates: () => this.#trials.promise,
      inspectors: () => this.#openInspectors(),
      breakglass: () => this.#openBreakglass(),
      wifi: () => this.#openWifi(),
      isShuttingDown: () => this.#shutdown.isRunning,
      shutDown: (how) =>
        void this.power(how === 'reboot' ? 'restart' : 'poweroff', 'asked for by the control API'),
    });
  }

  /** web has asked for a permit; here it ends whatever web does. */
  #refuseWhereOff(): void {
    if (this.device.config.breakglass === 'off') throw new ApiRefusal('no-permits', NO_PERMITS.off);
  }

  async #openInspectors(): Promise<AppInspectors> {
    const { device } = this;
    this.#refuseWhereOff();
    const { AppInspectors } = await import('./debug/app-inspectors.ts');
    return (this.#inspectors ??= new AppInspectors({
      sys: this.#sys,
      findService: (name) => device.supervisor.get(name),
      guard: (ports) => device.supervisor.guardInspectors(ports),
    }));
  }

  async #openBreakglass(): Promise<Breakglass> {
    const { device } = this;
    this.#refuseWhereOff();
    const { Breakglass } = await import('./breakglass/breakglass.ts');
    return (device.breakglass ??= new Breakglass(device));
  }

  /** Networks are changed rarely, and those who do it wait for one another. */
  #openWifi(): Promise<WifiChanges> {
    const { device } = this;
    return (this.#wifi ??= import('./wifi/wifi-changes.ts').then(
      (module) => (device.wifiTrials = new module.WifiChanges(device)),
    ));
  }

  /** Does not hold up the boot; devices may come at any time. */
  #loadModules(): void {
    const { device } = this;
    new ModuleLoader({
      sys: this.#sys,
      uevents: device.uevents,
      kernelArguments: device.kernelArguments,
      say: (text) => device.log.say(text),
      warn: (text) => device.warn(text),
    }).start();
  }

  /** Does not hold up the boot; a trial's time runs from here on. */
  #lookForTrial(): void {
    // A failure is told to each who waits for `#trials`; with none waiting yet, it must not end init as an unhandled one.
    this.#trials.promise.catch(() => {});
    this.#openTrials().then(this.#trials.resolve, this.#trials.reject);
  }

  /**
   * Waits until it is known what came of the last trial, but not for long: reading that may ask the firmware, which must not
   * hold up the boot.
   */
  async #recallLastTrial(): Promise<void> {
    const recalled = this.#trials.promise.then((trials) => trials.recall());
    await Promise.race([recalled, sleep(RECALL_LIMIT_MS, undefined, { ref: false })]);
  }

  /** The clock is saved at once: a time from before that was wrong must not outlive a power cut. */
  async #saveClockOnceSet(): Promise<void> {
    const { signal } = new AbortController();
    await new Conditions(this.#sys, () => false).whenMet(['clock'], { signal });
    saveClock(this.device);
  }

  async #openTrials(): Promise<Trials> {
    const { openTrials } = await import('./update/open-trials.ts');
    this.#loadedTrials = await openTrials(this.device, {
      isShuttingDown: () => this.#shutdown.isRunning,
      restart: (why, powerOff) => void this.power('restart', why, powerOff),
      ...this.#options.trials,
    });
    return this.#loadedTrials;
  }
}

function copyLogToConsole(device: Device, service: Service): void {
  service.log.follow((line) => {
    // What init says of the service is on the console anyway.
    if (line.stream !== 'init') device.log.toConsole(`${service.spec.name}: ${line.text}`);
  });
}

function saveClock(device: Device): void {
  if (device.perm.state !== 'mounted') return;
  try {
    saveTime(device.sys);
  } catch (error) {
    device.log.say(`Cannot save the time: ${describeError(error)}`);
  }
}
