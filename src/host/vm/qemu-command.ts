// The QEMU command line for each board. Paravirtual devices, because both kernels have them built in; the
// watchdog is the one PC watchdog that QEMU and the kernels share.

import { accessSync, constants } from 'node:fs';
import type { Board } from '../../shared/board/boards.ts';

export interface QemuOptions {
  board: Board;
  accelerator: Accelerator;
  name: string;
  diskPath: string;
  /** UEFI firmware, which starts what is on the disk; or what QEMU starts itself. */
  start: { codePath: string; varsPath: string } | { kernelPath: string; cmdline: string };
  memoryMiB: number;
  /** Host port 0 lets the system choose; ask with `forwardedPorts`. */
  forwards: readonly PortForward[];
  qmpSocketPath: string;
  /** A second socket of the same kind, for who starts QEMU again: it then ends when the machine restarts. */
  watchSocketPath?: string;
  /** File that receives what the serial console prints. */
  consolePath: string;
  /** The console goes on behind what is in the file. */
  appendConsole?: boolean;
  extraArgs?: readonly string[];
}

/** `tcg` is emulation; the others run the guest's code natively. */
export type Accelerator = 'kvm' | 'hvf' | 'tcg';

export interface PortForward {
  hostPort: number;
  guestPort: number;
}

export function qemuArguments(options: QemuOptions): string[] {
  const { board } = options;
  const appends = options.appendConsole === true;
  const forwards = options.forwards
    .map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`)
    .join('');
  const qmp = (path: string): string[] => ['-qmp', `unix:${escapeComma(path)},server=on,wait=off`];
  return [
    ['-name', escapeComma(options.name)],
    machineArguments(board, options.accelerator),
    // No screen and no DVD drive, which nobody sees: firmware and kernel draw each line on one, and look into the other.
    ['-nodefaults'],
    ['-m', String(options.memoryMiB)],
    startArguments(options.start),
    ['-drive', drive('if=none,id=disk,format=raw,discard=unmap', options.diskPath)],
    ['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ['-netdev', `user,id=net${forwards}`],
    // No option ROM: nobody boots from the network here, and its file is a package of its own.
    ['-device', 'virtio-net-pci,netdev=net,romfile='],
    ['-device', 'virtio-rng-pci'],
    ['-device', 'i6300esb', '-action', 'watchdog=reset'],
    ['-display', 'none', '-monitor', 'none'],
    ['-chardev', `file,id=console,path=${escapeComma(options.consolePath)},append=${appends ? 'on' : 'off'}`],
    ['-serial', 'chardev:console'],
    qmp(options.qmpSocketPath),
    options.watchSocketPath === undefined ? [] : [...qmp(options.watchSocketPath), '-no-reboot'],
    options.extraArgs ?? [],
  ].flat();
}

function startArguments(start: QemuOptions['start']): string[] {
  if ('kernelPath' in start) {
    return ['-kernel', start.kernelPath, '-append', start.cmdline];
  }
  return [
    ['-drive', drive('if=pflash,unit=0,format=raw,readonly=on', start.codePath)],
    ['-drive', drive('if=pflash,unit=1,format=raw', start.varsPath)],
  ].flat();
}

function drive(format: string, path: string): string {
  return `${format},file=${escapeComma(path)}`;
}

function machineArguments({ qemuMachine, emulatedCpu }: Board, accelerator: Accelerator): string[] {
  const cpu = accelerator === 'tcg' ? emulatedCpu : 'host';
  // A kernel patches its code while it runs (`int3`, then the rest), and emulated processors do not always see that in
  // order: with two of them a boot died now and then of an Oops at a place that changes.
  const processors = accelerator === 'tcg' ? '1' : '2';
  return ['-machine', qemuMachine, '-accel', accelerator, '-smp', processors, '-cpu', cpu];
}

/** Best first. Emulation is always among them: a KVM inside a virtual machine may be there and not work. */
export function possibleAccelerators(board: Board): Accelerator[] {
  if (process.arch !== board.nodeArch) return ['tcg'];
  if (process.platform === 'darwin') return ['hvf', 'tcg'];
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return ['kvm', 'tcg'];
  } catch {
    return ['tcg'];
  }
}

/** QEMU's option parser takes a doubled comma for one. */
function escapeComma(path: string): string {
  return path.replaceAll(',', ',,');
}
