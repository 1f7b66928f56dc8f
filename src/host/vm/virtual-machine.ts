// One running QEMU: started, asked through its control socket, stopped in order.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, rmSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Board } from '../../shared/board/boards.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { describeInstall, QEMU_PACKAGES } from '../doctor/packages.ts';
import { findFirmware } from '../doctor/uefi-firmware.ts';
import { findTool } from '../run-tool.ts';
import { UserError } from '../user-error.ts';
import { guestRuns } from './guest-runs.ts';
import { readKernelStart } from './kernel-start.ts';
import {
  type Accelerator,
  possibleAccelerators,
  type PortForward,
  qemuArguments,
  type QemuOptions,
} from './qemu-command.ts';
import { QmpClient } from './qmp.ts';
import { type MachineRun, RestartingMachine } from './restarting-machine.ts';

export interface VmOptions {
  board: Board;
  name: string;
  diskPath: string;
  /** Directory for the firmware's variables, the console log and QEMU's own messages; it must exist. */
  directory: string;
  memoryMiB?: number;
  forwards: readonly PortForward[];
  extraArgs?: readonly string[];
  /** For the first start alone. */
  firstArgs?: readonly string[];
  /** Called when a machine has another process than before, as emulated ones have after each restart. */
  onRestart?: (machine: VirtualMachine) => Promise<void>;
  /** What somebody should know although it goes on. */
  warn?: (text: string) => void;
  /** Absent: the best that this computer has. */
  accelerator?: Accelerator;
}

/** `ended` resolves when QEMU has ended. After `letGo` this process need not wait for that: the machine may outlive it. */
export type VirtualMachine = Readonly<MachineRun>;

/** Firmware variables: the pristine copy is taken only when the VM has none, as in a PC's flash. */
async function prepareVariables(pristine: string, path: string): Promise<void> {
  await copyFile(pristine, path, 1 /* COPYFILE_EXCL */).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw cause;
  });
}

/** Takes the first accelerator with which QEMU comes up and the guest runs. */
export async function startVirtualMachine(options: VmOptions): Promise<VirtualMachine> {
  const { board, accelerator } = options;
  const accelerators = accelerator === undefined ? possibleAccelerators(board) : [accelerator];
  const firmware = await findFirmware(board);
  if (firmware === null)
    return startRestarting(options, (isTrial) => kernelStart(options, isTrial), accelerators[0] ?? 'tcg');
  const varsPath = join(options.directory, 'firmware-variables.fd');
  await prepareVariables(firmware.varsPath, varsPath);
  const flash = { codePath: firmware.codePath, varsPath };
  for (const native of accelerators.filter((each) => each !== 'tcg')) {
    const vm = await launch(options, flash, native).catch(() => undefined);
    if (vm === undefined) continue;
    if (await guestRuns(vm).catch(() => false)) return vm;
    await kill(vm.pid, vm.ended, 0);
  }
  // An emulator that goes on keeps what it has translated: where the next kernel is unpacked over the code of the last one,
  // each write looks for code to forget, and a restart takes up to three times as long as a first start.
  return startRestarting(options, async () => flash, 'tcg');
}

/** For boards whose own firmware QEMU does not have. */
function kernelStart(
  { board, diskPath, directory }: VmOptions,
  isTrial: boolean,
): Promise<QemuOptions['start']> {
  return readKernelStart({ board, diskPath, directory, isTrial });
}

/** QEMU ends when the machine restarts, and is started again. */
async function startRestarting(
  options: VmOptions,
  startOf: (isTrial: boolean) => Promise<QemuOptions['start']>,
  accelerator: Accelerator,
): Promise<VirtualMachine> {
  const { firstArgs: _, ...later } = options;
  return RestartingMachine.start({
    async launch(isTrial, previous) {
      const start = await startOf(isTrial);
      const of =
        previous === undefined
          ? options
          : { ...later, forwards: portForwards(previous.ports), appendConsole: true };
      return launch({ ...of, isWatched: true }, start, accelerator);
    },
    kernelWatchdogSec: layoutOf(options.board.boot).kernelWatchdogSec,
    onReset: () =>
      options.warn?.('The virtual machine is reset, because the kernel on trial has not come up in time'),
    watchSocketPathOf: ({ qmpSocketPath }) => watchSocketBeside(qmpSocketPath),
    onRestart: async (machine) => options.onRestart?.(machine),
    onFailure: (error) =>
      options.warn?.(`The virtual machine ends, because it cannot restart: ${(error as Error).message}`),
  });
}

function portForwards(ports: ReadonlyMap<number, number>): PortForward[] {
  return [...ports].map(([guestPort, hostPort]) => ({ guestPort, hostPort }));
}

function watchSocketBeside(qmpSocketPath: string): string {
  return join(dirname(qmpSocketPath), 'watch');
}

async function launch(
  options: VmOptions & Pick<QemuOptions, 'appendConsole'> & { isWatched?: boolean },
  start: QemuOptions['start'],
  accelerator: Accelerator,
): Promise<VirtualMachine> {
  const { board, directory } = options;
  // A Unix socket's path is limited to 107 bytes, and an instance may lie deep.
  const socketDirectory = mkdtempSync(join(tmpdir(), 'tsk-vm-'));
  const qmpSocketPath = join(socketDirectory, 'qmp');
  const consolePath = join(directory, 'console.log');
  const messagesPath = join(directory, 'qemu.log');
  const messages = openSync(messagesPath, 'w');
  const memoryMiB = options.memoryMiB ?? 1024;
  const qemu = spawn(
    board.qemuSystem,
    qemuArguments({
      ...options,
      accelerator,
      start,
      memoryMiB,
      qmpSocketPath,
      consolePath,
      extraArgs: [...(options.extraArgs ?? []), ...(options.firstArgs ?? [])],
      ...(options.isWatched === true ? { watchSocketPath: watchSocketBeside(qmpSocketPath) } : {}),
    }),
    // A group of its own: Ctrl-C in the terminal goes to tsk, which then powers the machine off in order.
    { detached: true, stdio: ['ignore', messages, messages] },
  );
  closeSync(messages);
  const removeSocket = (): void => rmSync(socketDirectory, { recursive: true, force: true });
  // once() would not do: a program that cannot be started has no exit, and that would be told twice.
  const ended = new Promise<void>((resolve) => qemu.once('exit', () => resolve())).then(removeSocket);
  await once(qemu, 'spawn').catch(async (cause: unknown) => {
    removeSocket();
    throw await cannotStart(board, cause);
  });
  const ports = await connectAndAskPorts(qemu, qmpSocketPath, messagesPath);
  return {
    pid: qemu.pid ?? 0,
    accelerator,
    qmpSocketPath,
    consolePath,
    ports,
    restartsItself: options.isWatched !== true,
    ended,
    letGo: () => qemu.unref(),
  };
}

/** Looks before the build: nobody should wait for it to hear that there is no QEMU. */
export async function requireQemu(board: Board): Promise<void> {
  if ((await findTool(board.qemuSystem, process.env)) === undefined)
    throw await cannotStart(board, undefined);
  await findFirmware(board);
}

async function cannotStart(board: Board, cause: unknown): Promise<UserError> {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code ?? 'ENOENT';
  return new UserError(
    `Cannot start "${board.qemuSystem}": ${code === 'ENOENT' ? 'it is not installed' : code}`,
    { topic: 'no-qemu', cause, hint: await describeInstall([QEMU_PACKAGES[board.qemuSystem]]) },
  );
}

async function connectAndAskPorts(
  qemu: ChildProcess,
  qmpSocketPath: string,
  messagesPath: string,
): Promise<Map<number, number>> {
  while (qemu.exitCode === null && qemu.signalCode === null) {
    const table = await askUsernet(qmpSocketPath).catch(() => undefined);
    if (table !== undefined) return parseUsernet(table);
    // QEMU makes its socket within some 50 ms; nothing announces it.
    await delay(20);
  }
  throw describeFailedStart((await readFile(messagesPath, 'utf8')).trim());
}

/** Out of what QEMU said before it ended. */
export function describeFailedStart(messages: string): UserError {
  const port = /Could not set up host forwarding rule 'tcp:[\d.]*:(\d+)-/.exec(messages)?.[1];
  if (port === undefined)
    return new UserError(`Cannot start the virtual machine: QEMU says: ${messages || 'nothing'}`);
  return new UserError(`Cannot start the virtual machine: port ${port} of this computer cannot be had`, {
    hint: 'Another program has it, or it is below 1024, which only root may use. Choose another with --port or --forward HOST:GUEST.',
  });
}

async function askUsernet(qmpSocketPath: string): Promise<string> {
  const client = await QmpClient.connect(qmpSocketPath);
  try {
    return await client.monitor('info usernet');
  } finally {
    client.close();
  }
}

/** Host port by guest port, out of QEMU's table of forwards. */
export function parseUsernet(table: string): Map<number, number> {
  const rows = table.matchAll(/^\s*TCP\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/gm);
  return new Map([...rows].map(([, host, guest]) => [Number(guest), Number(host)]));
}

/** A press before init listens (its page answers a little earlier) is lost, so it is repeated. */
const PRESS_EVERY_MS = 5000;

/**
 * Presses the power button and waits for the machine to go; ends QEMU after `timeoutMs`.
 * Returns how it went.
 */
export async function powerOff(
  vm: Pick<VirtualMachine, 'pid' | 'qmpSocketPath'>,
  ended: Promise<void>,
  timeoutMs: number,
): Promise<'powered-off' | 'killed'> {
  // QEMU speaks with one at a time: a silence may also mean that another tsk is powering it off.
  const connecting = QmpClient.connect(vm.qmpSocketPath, timeoutMs);
  const client = await connecting.catch((error: NodeJS.ErrnoException) => error);
  if (client instanceof Error) {
    // Nobody listens: it has gone, and its process id may be another's by now.
    if (client.code !== undefined) return 'powered-off';
    return kill(vm.pid, ended);
  }
  // Fails when QEMU goes away, which `ended` tells better.
  const press = (): void => void client.execute('system_powerdown').catch(() => undefined);
  press();
  const pressing = setInterval(press, PRESS_EVERY_MS);
  const timer = new AbortController();
  try {
    const late = delay(timeoutMs, 'late' as const, { signal: timer.signal });
    const result = await Promise.race([ended.then(() => 'powered-off' as const), late]);
    if (result === 'powered-off') return result;
    // The answer is not awaited: the end is what counts, and a frozen QEMU answers nothing.
    void client.execute('quit').catch(() => undefined);
    await kill(vm.pid, ended);
    return 'killed';
  } finally {
    timer.abort();
    clearInterval(pressing);
    client.close();
  }
}

const GRACE_MS = 5000;

/** Ends the process, unless it is about to end by itself. */
async function kill(
  pid: number,
  ended: Promise<void>,
  graceMs = GRACE_MS,
): Promise<'powered-off' | 'killed'> {
  const grace = new AbortController();
  const late = delay(graceMs, 'late' as const, { signal: grace.signal });
  const result = await Promise.race([ended.then(() => 'powered-off' as const), late]);
  grace.abort();
  if (result === 'powered-off') return result;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // The process has just gone.
  }
  await ended;
  return 'killed';
}
