// What happens from the kernel's handing over to all services started: read it from top to bottom.
// The order is by need. What net and web need comes first, because they take longest to start; what only
// apps need (/perm above all) is done while those two start.

import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { parseCmdline } from '../../shared/board/cmdline.ts';
import { BREAKGLASS_PATHS } from '../../shared/breakglass/breakglass-api.ts';
import { DEVICE_CONFIG_PATH, type DeviceConfig } from '../../shared/services/services.ts';
import type { BootStep } from './boot-step.ts';
import { readBoard } from '../read-board.ts';
import { modelProblem } from './check-model.ts';
import { correctClock, useSavedTime } from './clock-floor.ts';
import type { Device } from './device/device.ts';
import { useEntropySeed } from './entropy-seed.ts';
import { applyKernelSettings, openLowPorts } from './kernel-settings.ts';
import { provideMachineId } from './machine-id.ts';
import { mountAll } from './mounts.ts';
import { preparePerm } from './perm/prepare-perm.ts';
import { AdapterLinks } from './serial/adapter-links.ts';
import { linkSerialPort } from './serial/serial-link.ts';
import { STATE_DIRECTORY } from '../state-directory.ts';
import { provideNetworks } from './wifi/provide-networks.ts';

/** Steps whose work goes on after boot. */
export interface LastingSteps {
  openWatchdog: (device: Device) => void;
  makeServices: (device: Device) => void;
  serveControlApi: (device: Device) => Promise<void>;
  lookForTrial: (device: Device) => void;
  recallLastTrial: (device: Device) => Promise<void>;
  loadModules: (device: Device) => void;
}

export function bootList(lasting: LastingSteps): readonly BootStep[] {
  const { openWatchdog, makeServices, serveControlApi, lookForTrial, recallLastTrial, loadModules } = lasting;
  return [
    { name: "mount the kernel's file systems", run: mountKernelFileSystems, onFailure: 'fatal' },
    { name: 'open the console', run: ({ log }) => log.openConsole(), onFailure: 'warn' },
    { name: 'read the kernel command line', run: readKernelArguments, onFailure: 'warn' },
    // Early: it also guards the rest of the boot.
    { name: 'open the watchdog', run: openWatchdog, onFailure: 'warn' },
    { name: 'read the configuration', run: readConfiguration, onFailure: 'fatal' },
    { name: 'catch Ctrl-Alt-Del', run: ({ sys }) => sys.catchCtrlAltDel(), onFailure: 'warn' },
    { name: 'set the hostname', run: setHostname, onFailure: 'warn' },
    { name: 'correct a clock that cannot be right', run: correctClockByBuildTime, onFailure: 'warn' },
    { name: 'link /dev/fd and the standard streams', run: linkStandardStreams, onFailure: 'warn' },
    { name: 'link /dev/serial0', run: ({ sys }) => linkSerialPort(sys), onFailure: 'warn' },
    {
      name: 'bring up the loopback interface',
      run: ({ sys }) => sys.bringUpInterface('lo'),
      onFailure: 'warn',
    },
    { name: 'set up the kernel for apps', run: ({ sys }) => applyKernelSettings(sys), onFailure: 'warn' },
    { name: 'look which model the board is', run: checkModel, onFailure: 'warn' },
    { name: 'make the services', run: makeServices, onFailure: 'fatal' },
    {
      name: 'open the sockets of services',
      run: ({ supervisor }) => supervisor.openListeners(),
      onFailure: 'warn',
    },
    { name: 'guard the network of apps', run: guardNetwork, onFailure: 'warn' },
    { name: 'tell by what the page is known', run: tellFingerprint, onFailure: 'warn' },
    { name: 'start system services', run: startSystemServices, onFailure: 'warn' },
    // The API comes after them: init loads its HTTP server while they load theirs.
    { name: 'serve the control API', run: serveControlApi, onFailure: 'fatal' },
    // Not before: what has no modules to wait for comes first.
    { name: 'load kernel modules', run: loadModules, onFailure: 'warn' },
    { name: 'link serial adapters by their names', run: linkAdapters, onFailure: 'warn' },
    // Behind those: an app may name its devices by their links.
    { name: 'follow devices of apps', run: followDevices, onFailure: 'warn' },
    { name: 'look whether this is a trial', run: lookForTrial, onFailure: 'warn' },
    { name: 'prepare /perm', run: preparePerm, onFailure: 'warn' },
    { name: 'make the directories of /perm', run: makePermDirectories, onFailure: 'warn' },
    {
      name: 'provide the Wi-Fi networks',
      run: (device) => provideNetworks(device),
      onFailure: 'warn',
    },
    { name: 'keep logs in /perm', run: keepLogs, onFailure: 'warn' },
    { name: 'set such a clock to the last saved time', run: correctClockBySavedTime, onFailure: 'warn' },
    { name: 'use the saved entropy', run: ({ sys }) => useEntropySeed(sys), onFailure: 'warn' },
    { name: 'provide the machine id', run: provideMachineId, onFailure: 'warn' },
    { name: 'start apps', run: ({ supervisor }) => supervisor.startApps(), onFailure: 'warn' },
    { name: 'recall the last update', run: recallLastTrial, onFailure: 'warn' },
  ];
}

function mountKernelFileSystems(device: Device): void {
  mountAll(device.sys, (text) => device.warn(text));
}

function readKernelArguments(device: Device): void {
  device.kernelArguments = parseCmdline(readFileSync(device.sys.path('/proc/cmdline'), 'utf8'));
}

function readConfiguration(device: Device): void {
  const config = JSON.parse(readFileSync(device.sys.path(DEVICE_CONFIG_PATH), 'utf8')) as DeviceConfig;
  if (config.formatVersion !== 1)
    throw new Error(`Its format version is ${String(config.formatVersion)}, not 1`);
  device.config = config;
}

function linkAdapters(device: Device): void {
  const { sys, uevents } = device;
  new AdapterLinks({ sys, uevents, warn: (text) => device.warn(text) }).start();
}

function followDevices({ uevents, supervisor }: Device): void {
  const { devices } = supervisor;
  uevents.follow({
    onEvent: ({ devname }) => {
      if (devname !== undefined) devices.lookSoon();
    },
    onLoss: () => devices.lookSoon(),
  });
}

function setHostname({ sys, config }: Device): void {
  sys.setHostname(config.hostname);
}

function correctClockByBuildTime(device: Device): void {
  const change = correctClock(device.sys, device.config.buildTimeSec);
  if (change === undefined) return;
  device.isClockGuessed = true;
  const { from, to } = change;
  const wrong =
    from < to ? 'was before the build time' : `was at ${from.toISOString()}, which cannot be right`;
  device.log.say(`clock ${wrong}: set to ${to.toISOString()}`);
}

/** A clock that could be right keeps its time: what was saved may come from one that was wrong. */
function correctClockBySavedTime({ sys, config, isClockGuessed, log }: Device): void {
  const time = isClockGuessed ? useSavedTime(sys, config.buildTimeSec) : undefined;
  if (time !== undefined) log.say(`clock was behind: set to the last saved time, ${time.toISOString()}`);
}

/** devtmpfs has only devices. Shells and programs of many kinds rely on these names. */
function linkStandardStreams({ sys }: Device): void {
  for (const [name, target] of [
    ['fd', '/proc/self/fd'],
    ['stdin', '/proc/self/fd/0'],
    ['stdout', '/proc/self/fd/1'],
    ['stderr', '/proc/self/fd/2'],
  ] as const) {
    linkIfMissing(target, sys.path(`/dev/${name}`));
  }
}

function checkModel(device: Device): void {
  const { sys, config } = device;
  const { model } = readBoard({ proc: sys.path('/proc'), sys: sys.path('/sys') });
  const problem = modelProblem(config.board, model);
  if (problem !== undefined) device.warn(problem);
}

function guardNetwork({ sys, supervisor }: Device): void {
  try {
    supervisor.guardNetwork();
  } catch (error) {
    openLowPorts(sys);
    throw new Error('Ports are free to all apps on this kernel, low ones too', { cause: error });
  }
}

/** On the console, for whoever compares it with what a browser shows. With a certificate of the user, `web` has to tell. */
function tellFingerprint({ config: { hostname, web }, log }: Device): void {
  if (web.tls === undefined || web.tls.own !== undefined) return;
  const port = web.tls.port === 443 ? '' : `:${web.tls.port}`;
  log.say(`page: https://${hostname}.local${port}/, certificate SHA-256 ${web.tls.fingerprint}`);
}

/** Does not wait for the programs, only for their processes. */
async function startSystemServices({ supervisor }: Device): Promise<void> {
  await supervisor.startSystemServices();
}

/** /var is a link to /perm/var in the root image. */
function makePermDirectories({ sys }: Device): void {
  mkdirSync(sys.path(STATE_DIRECTORY), { recursive: true, mode: 0o700 });
  mkdirSync(sys.path('/perm/var/lib'), { recursive: true });
  mkdirSync(sys.path('/perm/var/tmp'), { recursive: true, mode: 0o1777 });
  linkIfMissing('/run', sys.path('/perm/var/run'));
  rmSync(sys.path(BREAKGLASS_PATHS.kept), { recursive: true, force: true });
}

/** Logs kept in memory would only be there twice. */
function keepLogs(device: Device): void {
  if (device.perm.state === 'mounted') device.logKeeper.start(device.bootRecord());
  else device.logKeeper.giveUp();
}

function linkIfMissing(target: string, path: string): void {
  try {
    symlinkSync(target, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
