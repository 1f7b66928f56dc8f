// A kernel that a boot loader starts and that does not come up: the head of a real one, by which builds and boot loaders know
// kernels, and garbage behind it.

import { gunzipSync, gzipSync } from 'node:zlib';
import { openFat } from '../../../src/formats/fat/volume.ts';
import { takesGzip } from '../../../src/host/components/board-kernel.ts';
import { type Board, BOARDS } from '../../../src/shared/board/boards.ts';
import { KERNEL_FILE } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../../src/shared/boot-loader/layout-of.ts';
import type { UpdateLab } from './update-lab.ts';

const GARBAGE = 0x5a;
/** As much as builds look at. */
const HEAD_BYTES = 64 * 1024;

/**
 * Whether somebody notices: the program in front of a packed kernel, which unpacks it, or the firmware's watchdog. Other garbage
 * is executed, and hangs: no watchdog of a PC runs yet, so that needs a power cycle.
 */
export function endsGarbage(board: Board): boolean {
  return isSelfUnpacking(board) || layoutOf(board.boot).kernelWatchdogSec !== null;
}

/** A directory for `components.kernel`, with all that the board needs of a kernel. */
export async function garbageKernel(lab: UpdateLab): Promise<string> {
  const board = BOARDS[lab.board];
  const files = await lab.withBootPartition(async (boot) => {
    const volume = await openFat(boot);
    const { slotFiles, slotDirectories } = layoutOf(board.boot);
    // Without the device trees that this kernel has not got either.
    const there = new Set((await volume.list('a')).map(({ name }) => name));
    const paths = slotFiles.map(({ path }) => path).filter((path) => there.has(path));
    for (const { path } of slotDirectories)
      paths.push(...(await volume.list(`a/${path}`)).map(({ name }) => `${path}/${name}`));
    const read: [string, Uint8Array][] = [];
    for (const path of paths) read.push([path, await volume.readFile(`a/${path}`)]);
    return Object.fromEntries(read);
  });
  files[KERNEL_FILE] = spoil(board, Buffer.from(files[KERNEL_FILE]!));
  return lab.componentDirectory('garbage', files);
}

function spoil(board: Board, kernel: Buffer): Uint8Array {
  // What is in the bzImage cannot be unpacked; the program that unpacks it is as it was.
  if (isSelfUnpacking(board)) return kernel.fill(GARBAGE, kernel.length / 4, kernel.length / 2);
  return takesGzip(board)
    ? gzipSync(gunzipSync(kernel).fill(GARBAGE, HEAD_BYTES))
    : kernel.fill(GARBAGE, HEAD_BYTES);
}

function isSelfUnpacking({ nodeArch }: Board): boolean {
  return nodeArch === 'x64';
}
