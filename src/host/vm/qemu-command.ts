// The QEMU command line for each board. Paravirtual devices, because both kernels have them built in; the
// watchdog is the one PC watchdog that QEMU and the kernels share.

import { accessSync, constants } from 'node:fs';
import type { Board } from '../../shared/boards.ts';

export interface QemuOptions {
  board: Board;
  name: string;
  diskPath: string;
  firmware: { codePath: string; varsPath: string };
  memoryMiB: number;
  /** Host port 0 lets the system choose; ask with `forwardedPorts`. */
  forwards: readonly PortForward[];
  qmpSocketPath: string;
  /** File that receives what the serial console prints. */
  consolePath: string;
  extraArgs?: readonly string[];
}

export interface PortForward {
  hostPort: number;
  guestPort: number;
}

export function qemuArguments(options: QemuOptions): string[] {
  const { board, firmware } = options;
  const forwards = options.forwards
    .map(({ hostPort, guestPort }) => `,hostfwd=tcp:127.0.0.1:${hostPort}-:${guestPort}`)
    .join('');
  return [
    ...['-name', options.name],
    ...machineArguments(board),
    ...['-smp', '2', '-m', String(options.memoryMiB)],
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${escapeComma(firmware.codePath)}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${escapeComma(firmware.varsPath)}`],
    ...['-drive', `if=none,id=disk,format=raw,discard=unmap,file=${escapeComma(options.diskPath)}`],
    ...['-device', 'virtio-blk-pci,drive=disk,bootindex=1'],
    ...['-netdev', `user,id=net${forwards}`],
    // No option ROM: nobody boots from the network here, and its file is a package of its own.
    ...['-device', 'virtio-net-pci,netdev=net,romfile='],
    ...['-device', 'virtio-rng-pci'],
    ...['-device', 'i6300esb', '-action', 'watchdog=reset'],
    ...['-display', 'none', '-monitor', 'none'],
    ...['-serial', `file:${options.consolePath}`],
    ...['-qmp', `unix:${options.qmpSocketPath},server=on,wait=off`],
    ...(options.extraArgs ?? []),
  ];
}

function machineArguments(board: Board): string[] {
  const native = hostAccelerator(board);
  if (board.nodeArch === 'x64') {
    return ['-machine', 'q35', ...(native ? ['-accel', native, '-cpu', 'host'] : TCG)];
  }
  // virt has no default CPU that can run a 64-bit kernel.
  return [
    '-machine',
    'virt',
    ...(native ? ['-accel', native, '-cpu', 'host'] : [...TCG, '-cpu', 'cortex-a72']),
  ];
}

const TCG = ['-accel', 'tcg,thread=multi'];

/** The accelerator that runs this board's code natively here; undefined means emulation. */
export function hostAccelerator(board: Board): 'kvm' | 'hvf' | undefined {
  if (process.arch !== board.nodeArch) return undefined;
  if (process.platform === 'darwin') return 'hvf';
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
    return 'kvm';
  } catch {
    return undefined;
  }
}

/** QEMU's option parser takes a doubled comma for one. */
function escapeComma(path: string): string {
  return path.replaceAll(',', ',,');
}
