// From a service's specification to its process: data directory, cgroup and limits, sandbox, start.

import type { SandboxSpec } from '../../../shared/services/sandbox.ts';
import { listenEnvironment } from '../../../shared/services/listen.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import { writableDirectory } from '../../../shared/services/writable.ts';
import type { ProcessExit, SpawnedProcess, SpawnRequest, Sys } from '../../sys/sys.ts';
import { describeError } from '../../describe-error.ts';
import type { LogRing } from '../log/log-ring.ts';
import { ServiceOutput } from '../log/service-output.ts';
import { prepareReports, type ReportsPlace } from './crash-reports.ts';
import { makeDataDirectory } from './data-directory.ts';
import { serviceEnvironment } from './environment.ts';
import type { Listener } from './listeners.ts';
import type { AppDevices } from './app-devices.ts';
import { deviceMemoryKills, withOomScore } from './oom-score.ts';
import type { NetworkGuard } from './network/network-guard.ts';
import { ProcessTree } from './process-tree.ts';
import { exitInSandbox, prepareSandbox } from './sandbox.ts';
import { provideSecrets } from './secrets.ts';
import { findSandboxProcesses, type SandboxProcesses } from './sandbox-processes.ts';
import type { ServiceCgroup } from './service-cgroup.ts';
import { monotonicMs } from '../../monotonic.ts';

export interface LaunchContext {
  sys: Sys;
  /** Directory that is to be the root of its processes. */
  root: string;
  cgroup: ServiceCgroup | undefined;
  isPermReady: boolean;
  isFirstAtBoot: boolean;
  listeners: readonly Listener[];
  guard: NetworkGuard | undefined;
  devices: AppDevices;
  log: LogRing;
  /** What a person should know of the start. */
  note: (text: string) => void;
}

/** A service's process with all that it starts. */
export interface Run {
  tree: ProcessTree;
  startedAt: number;
  exit: Promise<ProcessExit>;
  outputClosed: Promise<void>;
  process: SpawnedProcess;
  output: ServiceOutput;
  /** Whether the kernel killed some of it because of the memory limit. */
  wasOverMemory: () => boolean;
  /** Whether the kernel has killed since then because the device had no memory left. */
  wasOutOfMemory: () => boolean;
}

/** Rejects when it cannot be started. A sandbox that fails looks like an app that fails, with bwrap's words in the log. */
export async function launch(spec: ServiceSpec, context: LaunchContext): Promise<Run> {
  const { sys, cgroup, listeners } = context;
  const dataDir = await prepareDataDirectory(spec, context);
  const reports = await openReports(spec, context);
  if (spec.kind !== 'system') provideSecrets(sys, spec, context.root);
  limit(spec, context);
  guardNetwork(spec, context);
  const memoryKillsBefore = cgroup?.memoryKills() ?? 0;
  const deviceKillsBefore = deviceMemoryKills(sys);
  const output = new ServiceOutput(context.log);
  const exit = Promise.withResolvers<ProcessExit>();
  const outputClosed = Promise.withResolvers<void>();
  const request = {
    ...commandOf(spec, context, { dataDir, reports: reports?.directory }),
    env: {
      ...serviceEnvironment(spec, { isFirstAtBoot: context.isFirstAtBoot, reports: reports?.seenAs }),
      ...listenEnvironment(listeners.map(({ name }) => name)),
    },
    inherit: listeners.map(({ fd }) => fd),
    onOutput: output.write.bind(output),
    onExit: (how: ProcessExit) => {
      context.devices.close(spec.name);
      exit.resolve(how);
    },
    onClose: outputClosed.resolve,
    ...(spec.user === undefined ? {} : { outputOwner: spec.user.uid }),
  };
  const spawn = (): Promise<SpawnedProcess> => withOomScore(sys, spec, () => sys.spawn(request));
  const process = await (cgroup === undefined ? spawn() : cgroup.startInside(spawn));
  const inSandbox = isSandboxed(spec) ? await waitForApp(sys, cgroup, exit.promise) : undefined;
  return {
    tree: new ProcessTree(process.pid, sys, cgroup, inSandbox),
    startedAt: monotonicMs(),
    exit: isSandboxed(spec) ? exit.promise.then(exitInSandbox) : exit.promise,
    outputClosed: outputClosed.promise,
    process,
    output,
    wasOverMemory: () => (cgroup?.memoryKills() ?? 0) > memoryKillsBefore,
    wasOutOfMemory: () => deviceMemoryKills(sys) > deviceKillsBefore,
  };
}

function isSandboxed(spec: ServiceSpec): spec is ServiceSpec & { sandbox: SandboxSpec } {
  return spec.sandbox !== undefined;
}

/** Path of the data directory on /perm, or undefined when it is elsewhere or /perm is not there yet. */
async function prepareDataDirectory(spec: ServiceSpec, context: LaunchContext): Promise<string | undefined> {
  const { sys, isPermReady } = context;
  const { dataDir } = spec;
  const isInPerm = dataDir.startsWith('/perm/');
  if (isInPerm && !isPermReady) return undefined;
  // Outside tests init is root, and so are its programs.
  const uid = spec.user?.uid ?? process.getuid?.() ?? 0;
  await makeDataDirectory(sys.path(dataDir), uid);
  if (isInPerm) {
    for (const path of spec.writable ?? [])
      await makeDataDirectory(sys.path(writableDirectory(spec.name, path)), uid);
  }
  return isInPerm ? dataDir : undefined;
}

/** Where a crash leaves its report; undefined: nowhere. */
async function openReports(
  spec: ServiceSpec,
  { sys, isPermReady, note }: LaunchContext,
): Promise<ReportsPlace | undefined> {
  if (!isPermReady) return undefined;
  try {
    return await prepareReports(sys, spec);
  } catch (error) {
    // The app can do without.
    note(`a crash will leave no report: ${describeError(error)}`);
    return undefined;
  }
}

function limit({ limits, diesFirst }: ServiceSpec, { cgroup, note }: LaunchContext): void {
  const missed = cgroup?.limit(limits) ?? (limits === undefined ? [] : ['anything']);
  // What goes before all others when memory is short needs no limit of memory to keep it from them.
  const felt = diesFirst === true ? missed.filter((what) => what !== 'memory') : missed;
  for (const what of felt) note(`cannot limit ${what}: the kernel has no controller for it`);
}

/** An app whose limits cannot be held does not start, but for ports: those were open to all before there was a guard. */
function guardNetwork(spec: ServiceSpec, { cgroup, guard, note }: LaunchContext): void {
  if (spec.kind === 'system') return;
  const isKept = spec.network !== undefined && spec.network !== 'full';
  // The sandbox alone sees to that.
  if (spec.network === 'none' && isSandboxed(spec) && guard === undefined) return;
  try {
    if (guard !== undefined && cgroup !== undefined) guard.enter(spec, cgroup.directory);
    else if (isKept) throw new Error('the kernel has no programs for cgroups (CONFIG_CGROUP_BPF)');
  } catch (cause) {
    const problem = describeError(cause);
    if (isKept) throw new Error(`Cannot keep it to network "${spec.network}": ${problem}`, { cause });
    note(`its ports are not guarded: ${problem}`);
  }
}

function commandOf(
  spec: ServiceSpec,
  { sys, cgroup, root, devices, note }: LaunchContext,
  { dataDir, reports }: { dataDir: string | undefined; reports: string | undefined },
): Pick<SpawnRequest, 'argv' | 'cwd' | 'root' | 'extraInputs'> {
  if (!isSandboxed(spec)) {
    const cwd = dataDir === undefined ? '/' : sys.path(dataDir);
    return { argv: spec.argv, cwd, ...(root === '/' ? {} : { root: sys.path(root) }) };
  }
  const command = prepareSandbox(sys, spec, {
    root,
    devices: devices.open(spec, note),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(reports === undefined ? {} : { reports }),
    ...(cgroup === undefined ? {} : { cgroup: cgroup.directory }),
  });
  if (command.extraInputs === undefined) note('cannot filter its system calls: the kernel has no seccomp');
  return { ...command, cwd: '/' };
}

async function waitForApp(
  sys: Sys,
  cgroup: ServiceCgroup | undefined,
  exit: Promise<unknown>,
): Promise<SandboxProcesses | undefined> {
  if (cgroup === undefined) return undefined;
  const ended = new AbortController();
  void exit.then(() => ended.abort());
  return findSandboxProcesses(sys, () => cgroup.processes(), ended.signal);
}
