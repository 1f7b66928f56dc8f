// Puts PID 1 together: boots by the list, then supervises until told to stop. Everything that may fail ends
// in Shutdown, because PID 1 has nowhere to exit to.

import { INIT_SOCKET_PATH } from '../../shared/services.ts';
import type { Sys } from '../sys/sys.ts';
import { bootList } from './boot-list.ts';
import { runBootSteps } from './boot-step.ts';
import { saveTime } from './clock-floor.ts';
import { Device } from './device.ts';
import { Health } from './health.ts';
import { KernelLog } from './log/kernel-log.ts';
import { watchPowerButtons } from './power-button.ts';
import { Shutdown } from './shutdown.ts';
import type { Service } from './supervisor/service.ts';
import { keepReapingOrphans } from './supervisor/reap-orphans.ts';
import { Supervisor } from './supervisor/supervisor.ts';
import { feedWatchdog } from './watchdog.ts';

/** After a power cut the clock is behind by no more than this. */
const SAVE_TIME_EVERY_MS = 60 * 60 * 1000;
/** Kernel command line: the console shows what services write, too. For tests and for a person with a cable. */
const CONSOLE_PARAMETER = 'tskrazy.console';
const WATCHDOG_PARAMETER = 'tskrazy.watchdog';

export async function runInit(sys: Sys): Promise<void> {
  const device = new Device(sys);
  const shutdown = new Shutdown(device);
  let during: 'boot' | 'operation' = 'boot';
  const giveUp = (error: unknown): void => void shutdown.lastResort(error, during);
  process.on('uncaughtException', giveUp);
  process.on('unhandledRejection', giveUp);
  obeySignals(shutdown);
  keepReapingOrphans(sys);
  const health = new Health(sys.path(INIT_SOCKET_PATH), () =>
    giveUp(new Error('the control API does not answer any more')),
  );
  try {
    await runBootSteps(
      bootList({
        openWatchdog: () => openWatchdog(device, health, shutdown),
        makeServices: () => makeServices(device),
        serveControlApi: () => serveControlApi(device, shutdown),
      }),
      device,
    );
  } catch (error) {
    giveUp(error);
    return;
  }
  during = 'operation';
  device.log.say(`services started ${sys.uptimeMs()} ms after the kernel`);
  watchPowerButtons(sys, () => void shutdown.run('poweroff', 'power button').catch(giveUp));
  health.keepChecking();
  setInterval(() => saveClock(device), SAVE_TIME_EVERY_MS);
}

function obeySignals(shutdown: Shutdown): void {
  const orders = [
    ['SIGTERM', 'restart'],
    // Ctrl-Alt-Del, once the boot list has asked the kernel for it.
    ['SIGINT', 'restart'],
    ['SIGUSR1', 'halt'],
    ['SIGUSR2', 'poweroff'],
  ] as const;
  for (const [signal, command] of orders) {
    process.on(signal, () => {
      shutdown.run(command, signal).catch((error: unknown) => shutdown.lastResort(error, 'operation'));
    });
  }
  // Programs made for gokrazy send it to PID 1 when addresses change; net and web see that themselves.
  process.on('SIGHUP', () => {});
}

function openWatchdog(device: Device, health: Health, shutdown: Shutdown): void {
  if (device.kernelArguments.get(WATCHDOG_PARAMETER) === 'off') {
    device.watchdog = 'off';
    return;
  }
  const isFed = feedWatchdog({
    sys: device.sys,
    // During shutdown it is fed on: that has time limits of its own.
    isHealthy: () => health.isHealthy || shutdown.isRunning,
    say: (text) => device.log.say(text),
  });
  device.watchdog = isFed ? 'fed' : 'none';
}

function makeServices(device: Device): void {
  const copyToConsole = device.kernelArguments.get(CONSOLE_PARAMETER) === 'logs';
  device.supervisor = new Supervisor({
    sys: device.sys,
    services: device.config.services,
    say: (text) => device.log.say(text),
    isPermReady: () => device.perm.state !== 'pending',
    onService: copyToConsole ? (service) => copyLogToConsole(device, service) : () => {},
  });
}

async function serveControlApi(device: Device, shutdown: Shutdown): Promise<void> {
  const { sys } = device;
  // Loaded only now: node:http takes its time, which system services are not to wait for.
  const { serveInitApi } = await import('./api/init-server.ts');
  await serveInitApi(sys.path(INIT_SOCKET_PATH), {
    systemStatus: () => device.status(),
    supervisor: device.supervisor,
    initLog: device.log.ring,
    kernelLog: new KernelLog(sys),
    isShuttingDown: () => shutdown.isRunning,
    shutDown: (how, why) => {
      shutdown
        .run(how === 'reboot' ? 'restart' : 'poweroff', why)
        .catch((error: unknown) => shutdown.lastResort(error, 'operation'));
    },
  });
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
    device.log.say(`Cannot save the time: ${String(error)}`);
  }
}
