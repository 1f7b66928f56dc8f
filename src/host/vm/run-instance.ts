// From an instance to a virtual machine whose page answers: build, write its disk, start, wait.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage } from '../build/build-image.ts';
import type { BuildOptions } from '../build/build-options.ts';
import type { Instance } from '../config/instance.ts';
import { openSecrets } from '../config/instance-secrets.ts';
import { UserError } from '../user-error.ts';
import type { PortForward } from './qemu-command.ts';
import { answers } from './answers.ts';
import { bootMachine } from './boot-machine.ts';
import { endWithProcess } from './end-with-process.ts';
import { startKeptMachine } from './kept-machine.ts';
import { prepareDisk, refuseSmallerDisk } from './machine-disk.ts';
import { stopVm } from './stop-vm.ts';
import { requireQemu, startVirtualMachine, type VirtualMachine, type VmOptions } from './virtual-machine.ts';
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
  /** What the user should know although it goes on. */
  warn(text: string): void;
}

export interface RunningInstance {
  vm: VirtualMachine;
  url: string;
  /** Host port by guest port. */
  ports: ReadonlyMap<number, number>;
  /** Of the build. */
  warnings: readonly string[];
  stop(): Promise<'powered-off' | 'killed'>;
}

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
  for (const warning of image.warnings) options.warn(warning);
  try {
    // The build may have taken minutes, and the disk of a machine that runs must not be written.
    await refuseSecondRun(instance);
    await prepareDisk(image, disk, options.signal);
  } finally {
    await image.dispose();
  }
  const urlOf = (vm: VirtualMachine): string =>
    `http://127.0.0.1:${vm.ports.get(instance.config.web.port) ?? 0}/`;
  /** Of the last start. */
  let started: { record: VmRecord; stop: RunningInstance['stop']; letLive: () => void } | undefined;
  const startRecorded = async (): Promise<VirtualMachine> => {
    const onRestart = async ({ pid, qmpSocketPath }: VirtualMachine): Promise<void> => {
      Object.assign(record, { pid, qmpSocketPath });
      await recordVm(record);
    };
    const vm = await start(options, directory, diskPath, onRestart);
    const record: VmRecord = {
      name: instance.config.hostname,
      instanceDirectory: instance.directory,
      board: board.id,
      pid: vm.pid,
      qmpSocketPath: vm.qmpSocketPath,
      consolePath: vm.consolePath,
      url: urlOf(vm),
      ports: [...vm.ports],
      temporaryDiskPath: options.keep ? null : diskPath,
      startedAtMs: Date.now(),
    };
    started = { record, stop: () => stopVm(record, vm.ended), letLive: endWithProcess(record, vm.ended) };
    await recordVm(record);
    return vm;
  };
  try {
    const vm = await bootMachine({
      ...options,
      start: startRecorded,
      isUp: (booting) => answers(new URL('health', urlOf(booting))),
    });
    if (options.detached && started !== undefined) {
      started.letLive();
      vm.letGo(started.record);
    }
    const { warnings } = image;
    return { vm, url: urlOf(vm), ports: vm.ports, warnings, stop: () => started!.stop() };
  } catch (cause) {
    await started?.stop();
    if (!options.keep) await rm(diskPath, { force: true });
    throw cause;
  }
}

async function start(
  options: RunOptions,
  directory: string,
  diskPath: string,
  onRestart: NonNullable<VmOptions['onRestart']>,
): Promise<VirtualMachine> {
  const { instance, board, memoryMiB, webPort, extraQemuArgs } = options;
  options.signal?.throwIfAborted();
  const { web } = instance.config;
  const isThere = [{ guestPort: web.port }, ...options.forwards].some(
    ({ guestPort }) => guestPort === web.tlsPort,
  );
  // For tsk, which speaks TLS to virtual machines as to all devices. One without may have it after an update.
  const tlsForward = isThere ? [] : [{ hostPort: 0, guestPort: web.tlsPort }];
  // Restarts may need somebody, also when this command has ended.
  const launch = options.detached ? startKeptMachine : startVirtualMachine;
  return launch({
    board,
    name: instance.config.hostname,
    diskPath,
    directory,
    memoryMiB,
    onRestart,
    warn: (text) => options.warn(text),
    forwards: [{ hostPort: webPort, guestPort: web.port }, ...tlsForward, ...options.forwards],
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
