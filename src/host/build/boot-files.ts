// The files of the boot partition, as the board's boot loader wants them (shared/boot-loader/): what it needs itself,
// and the slots' directories.

import type { Board } from '../../shared/board/boards.ts';
import { formatCmdline, kernelArgsOf, kernelArgsProblem } from '../../shared/board/cmdline.ts';
import { diskGuid } from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, SLOT_PARTITION, SLOTS, type Slot } from '../../shared/board/slots.ts';
import type { BootLoaderLayout, BroughtFile } from '../../shared/boot-loader/boot-loader-layout.ts';
import { UserError } from '../user-error.ts';
import { type Components, componentOf, requireFile } from './component-files.ts';
import type { FileContent } from '../root-tree.ts';

export interface BootFile {
  /** Relative to the boot partition's root. */
  path: string;
  content: FileContent;
}

export interface BootOptions {
  layout: BootLoaderLayout;
  hostname: string;
  /** Arguments as in the manifest. */
  kernelArgs: readonly string[];
}

/** `serialConsole` is `off`, or a `console=` value. */
export function bootKernelArgs(board: Board, serialConsole: string, extraArgs: readonly string[]): string[] {
  const words = kernelArgsOf({
    consoles: serialConsole === 'off' ? ['tty0'] : ['tty0', serialConsole],
    extraArgs: [...board.kernelArgs, ...extraArgs],
  });
  const problem = kernelArgsProblem(words);
  if (problem === undefined) return words;
  throw new UserError(`Cannot build for "${board.id}": the kernel command line ${problem}`, {
    hint: 'Look at kernel.extraArgs in tskrazy.json.',
  });
}

/** What the loader needs; written once when a disk is made, only ever edited in place afterwards. */
export function loaderFiles(options: BootOptions, components: Components): BootFile[] {
  const { layout } = options;
  return [
    ...layout.sharedFiles.map((file) => brought(file, components)),
    { path: layout.commit.path, content: text(layout.commit.format(FIRST_SLOT)) },
    ...SLOTS.map((slot) => {
      const own = layout.ownFile(slot);
      return { path: own.path, content: text(own.format(cmdlineOf(slot, options), own.sizeBytes)) };
    }),
  ];
}

/** What belongs to the slot itself, the manifest excepted; paths are relative to the slot's directory. */
export function slotBootFiles({ slotFiles }: BootLoaderLayout, components: Components): BootFile[] {
  return slotFiles.map((file) => brought(file, components));
}

function brought({ component, from, path }: BroughtFile, components: Components): BootFile {
  return { path, content: requireFile(componentOf(components, component), from) };
}

function cmdlineOf(slot: Slot, { hostname, kernelArgs }: BootOptions): string {
  return formatCmdline({ rootPartitionGuid: diskGuid(hostname, SLOT_PARTITION[slot]), slot, kernelArgs });
}

function text(content: string): FileContent {
  return { kind: 'bytes', bytes: new TextEncoder().encode(content) };
}
