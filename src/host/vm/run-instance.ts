// From an instance to a virtual machine whose page answers: build, write its disk, start, wait.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { buildImage } from '../build/build-image.ts';
import type { BuildOptions } from '../build/build-options.ts';
import type { Instance } from '../config/instance.ts';
import { openSecrets } from '../config/instance-secrets.ts';
import { UserError } from '../user-error.ts';
import type { PortForward } from './qemu-command.ts';
import { answers } from './answers.ts';
import { endWithProcess } from './end-with-process.ts';
import { prepareDisk, refuseSmallerDisk } from './machine-disk.ts';
import { stopVm } from './stop-vm.ts';
import { requireQemu, startVirtualMachine, type VirtualMachine } from './virtual-machine.ts';
import { listVms, makeRegistry, recordVm, type VmRecord } from './vm-registry.ts';
import { makeDirectory } from '../files/make-directory.ts';

export interface RunOptions extends BuildOptions {
  /** Use the disk of the last run again, with its /perm; the system on it is replaced. */
  keep: boolean;
  detached: boolean;
  memoryMiB: number;
  diskBytes?: number;
  /** Host port of the status page; 0 lets the system choose. */
  webPort: number;
  forwards: readonly PortForward[];
  extraQemuArgs?: readonly string[];
}

export interface RunningInstance {
  vm: VirtualMachine;
  url: string;
  /** Host port by guest port. */
  ports: ReadonlyMap<number, number>;
  stop(): Promise<'powered-off' | 'killed'>;
}

/** Native boots take seconds; an emulated one on a busy machine takes minutes. */
const PAGE_TIMEOUT_MS = 10 * 60 * 1000;

export async function runInstance(options: RunOptions): Promise<RunningInstance> {
  const { instance, board } = options;
  await refuseSecondRun(instance);
  await requireQemu(board);
  await makeRegistry();
  const directory = join(instance.stateDirectory, 'vm');
  await makeDirectory(directory);
  // Two files: a machine that is only tried must not cost the data of the one that was kept.
  const diskPath = join(directory, options.keep ? 'disk.img' : 'temporary-disk.img');
  const disk = { path: diskPath, keep: options.keep, sizeBytes: options.diskBytes };
  await refuseSmallerDisk(disk);
  const secrets =
    options.secrets ?? (await openSecrets(instance, { for: 'virtual machine', notice: () => undefined }));
  const image = await buildImage({ ...options, secrets });
  try {
    // The build may have taken minutes, and the disk of a machine that runs must not be written.
    await refuseSecondRun(instance);
    await prepareDisk(image, disk, options.signal);
  } finally {
    await image.dispose();
  }
  const vm = await start(options, directory, diskPath).catch(async (cause: unknown) => {
    if (!options.keep) await rm(diskPath, { force: true });
    throw cause;
  });
  const url = `http://127.0.0.1:${vm.ports.get(instance.config.web.port) ?? 0}/`;
  const record: VmRecord = {
    name: instance.config.hostname,
    instanceDirectory: instance.directory,
    board: board.id,
    pid: vm.pid,
    qmpSocketPath: vm.qmpSocketPath,
    consolePath: vm.consolePath,
    url,
    ports: [...vm.ports],
    temporaryDiskPath: options.keep ? null : diskPath,
    startedAtMs: Date.now(),
  };
  const letLive = endWithProcess(record, vm.ended);
  const stop = (): Promise<'powered-off' | 'killed'> => stopVm(record, vm.ended);
  try {
    await recordVm(record);
    await waitForPage(url, vm, options);
  } catch (cause) {
    await stop();
    throw cause;
  }
  if (options.detached) letLive();
  return { vm, url, ports: vm.ports, stop };
}

async function start(options: RunOptions, directory: string, diskPath: string): Promise<VirtualMachine> {
  const { instance, board, detached, memoryMiB, webPort, extraQemuArgs } = options;
  options.signal?.throwIfAborted();
  return startVirtualMachine({
    board,
    name: instance.config.hostname,
    diskPath,
    directory,
    memoryMiB,
    forwards: [{ hostPort: webPort, guestPort: instance.config.web.port }, ...options.forwards],
    detached,
    ...(extraQemuArgs === undefined ? {} : { extraArgs: extraQemuArgs }),
  });
}

async function refuseSecondRun(instance: Instance): Promise<void> {
  const running = (await listVms()).find((vm) => vm.instanceDirectory === instance.directory);
  if (!running) return;
  throw new UserError(
    `Cannot start a virtual machine for "${instance.config.hostname}": one runs already (process ${running.pid}, ${running.url})`,
    { hint: 'Stop it with "tsk vm stop".' },
  );
}

async function waitForPage(url: string, vm: VirtualMachine, options: RunOptions): Promise<void> {
  const how = vm.accelerator !== 'tcg' ? '' : ' (emulated: this takes longer than on hardware)';
  const waiting = options.report.start(`Booting${how}`);
  const startedMs = Date.now();
  let ended = false;
  void vm.ended.then(() => (ended = true));
  while (!(await answers(new URL('health', url)))) {
    options.signal?.throwIfAborted();
    if (ended) throw await bootFailure(vm, 'QEMU ended');
    if (Date.now() - startedMs > PAGE_TIMEOUT_MS)
      throw await bootFailure(vm, `the page at ${url} does not answer`);
    await delay(200);
  }
  waiting.done();
}

const SHOWN_CONSOLE_LINES = 15;

async function bootFailure(vm: VirtualMachine, what: string): Promise<UserError> {
  const console = await readFile(vm.consolePath, 'utf8').catch(() => '');
  const lines = console.trimEnd().split(/\r?\n/).slice(-SHOWN_CONSOLE_LINES);
  return new UserError(`Cannot boot the virtual machine: ${what}`, {
    topic: 'vm-does-not-boot',
    hint: `The whole console is in "${vm.consolePath}". It ends with:\n${lines.map((line) => `  ${line}`).join('\n')}`,
  });
}
