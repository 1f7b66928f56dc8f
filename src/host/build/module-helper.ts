// `load-module -q -- NAME`, which the kernel runs when it wants a module by name (its setting kernel.modprobe), and waits for.
// The helper loads what init has offered under that name, and nothing else: apps make the kernel ask for modules by opening sockets
// of rare kinds. Node.js would take 40 ms and 40 MB for each time, of which the kernel starts up to 50 at once.

import type { Board } from '../../shared/board/boards.ts';
import { OFFERED_MODULES_DIRECTORY } from '../../shared/board/kernel-modules.ts';
import { programOf } from './confine-program.ts';
import { ARM64_MODULE_LISTING, X64_MODULE_LISTING } from './module-helper-listing.ts';

const LISTINGS: Readonly<Record<Board['nodeArch'], string>> = {
  x64: X64_MODULE_LISTING,
  arm64: ARM64_MODULE_LISTING,
};

export function moduleHelper({ nodeArch, elfMachine }: Pick<Board, 'nodeArch' | 'elfMachine'>): Uint8Array {
  return programOf(elfMachine, LISTINGS[nodeArch], `${OFFERED_MODULES_DIRECTORY}\0`);
}
