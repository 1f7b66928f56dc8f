// What the verbs of `tsk vm` do.

import { setTimeout as delay } from 'node:timers/promises';
import { BOARDS } from '../../shared/board/boards.ts';
import { openInstance } from '../config/instance.ts';
import { openSecrets, shownPassword } from '../config/instance-secrets.ts';
import { displayPath } from '../config/problem.ts';
import { nearestName } from '../nearest-name.ts';
import { processExists } from '../process-exists.ts';
import { UserError } from '../user-error.ts';
import { describeRun, runInForeground } from '../vm/run-in-foreground.ts';
import { runInstance } from '../vm/run-instance.ts';
import { stopVm as endVm } from '../vm/stop-vm.ts';
import { usualForwards } from '../vm/usual-forwards.ts';
import { listVms, type VmRecord } from '../vm/vm-registry.ts';
import { formatTable } from './output.ts';
import type { Session } from './session.ts';
import type { BoardId } from '../../shared/board/boards.ts';
import type { PortForward } from '../vm/qemu-command.ts';

export interface VmRunOptions {
  board?: BoardId;
  keep?: boolean;
  detach?: boolean;
  offline?: boolean;
  memory: number;
  disk?: number;
  port: number;
  forward?: PortForward[];
}

export async function runVm(session: Session, options: VmRunOptions): Promise<void> {
  const { output, signal } = session;
  const isDetached = options.detach ?? false;
  if (output.json && !isDetached) {
    throw new UserError('Cannot use "--json" with a virtual machine in the foreground', {
      hint: 'Add --detach.',
    });
  }
  const instance = await openInstance(session.instanceDirectory);
  const secrets = await openSecrets(instance, {
    for: 'virtual machine',
    notice: (text) => output.notice(text),
  });
  const run = {
    instance,
    secrets,
    board: BOARDS[options.board ?? instance.config.board],
    offline: options.offline ?? false,
    report: output.progress,
    warn: (text: string) => output.warn(text),
    signal,
    keep: options.keep ?? false,
    detached: isDetached,
    memoryMiB: Math.ceil(options.memory / 1024 ** 2),
    ...(options.disk === undefined ? {} : { diskBytes: options.disk }),
    webPort: options.port,
    forwards: options.forward ?? usualForwards(instance.config),
  };
  if (!isDetached) {
    await runInForeground({ ...run, say: (text) => output.say(text) });
    return;
  }
  const running = await runInstance(run);
  const password = shownPassword(secrets);
  const ports = Object.fromEntries(running.ports);
  output.result(
    {
      name: instance.config.hostname,
      pid: running.vm.pid,
      url: running.url,
      password,
      ports,
      warnings: running.warnings,
    },
    [
      `Runs in the background as process ${running.vm.pid}`,
      ...describeRun(running, password, run),
      `Stop it with "tsk vm stop ${instance.config.hostname}".`,
    ].join('\n'),
  );
}

export async function stopVm(session: Session, name: string | undefined): Promise<void> {
  const record = await findVm(session, name);
  const step = session.output.progress.start(`Powering off ${record.name}`);
  const how = await endVm(record, waitForEnd(record.pid));
  step.done();
  session.output.say(
    how === 'powered-off'
      ? `Powered off ${record.name}.`
      : `${record.name} did not power off in time, so QEMU was ended.`,
  );
}

export async function printVms({ output }: Session): Promise<void> {
  const vms = await listVms();
  const rows = vms.map((vm) => [
    vm.name,
    vm.board,
    String(vm.pid),
    vm.url,
    displayPath(vm.instanceDirectory),
  ]);
  const text =
    vms.length === 0
      ? 'No virtual machine runs.'
      : formatTable([['NAME', 'BOARD', 'PID', 'URL', 'INSTANCE'], ...rows]);
  output.result({ vms }, text);
}

async function findVm(session: Session, name: string | undefined): Promise<VmRecord> {
  const vms = await listVms();
  if (name === undefined) {
    const { directory, config } = await openInstance(session.instanceDirectory);
    const own = vms.find((vm) => vm.instanceDirectory === directory);
    if (own) return own;
    throw new UserError(`Cannot stop the virtual machine of "${config.hostname}": none runs`, {
      hint: 'Run "tsk vm list" to see those that run.',
    });
  }
  const named = vms.filter((vm) => vm.name === name);
  if (named.length > 1) {
    throw new UserError(`Cannot stop virtual machine "${name}": ${named.length} of that name run`, {
      hint: 'Run "tsk -i DIR vm stop" with the directory of the one that you mean.',
    });
  }
  if (named[0]) return named[0];
  const nearest = nearestName(
    name,
    vms.map((vm) => vm.name),
  );
  throw new UserError(`Cannot stop virtual machine "${name}": none of that name runs`, {
    hint: nearest === undefined ? 'Run "tsk vm list" to see those that run.' : `Did you mean ${nearest}?`,
  });
}

/** Waits for a process that is not our child: nothing announces its end. */
async function waitForEnd(pid: number): Promise<void> {
  while (processExists(pid)) await delay(100);
}
