// The files of the boot partition of a UEFI board: systemd-boot, its configuration, and slot directories.
// The boot loader's own default is the only record of which slot is committed (docs/disk-layout.md).

import type { Board } from '../../shared/board/boards.ts';
import { formatCmdline, kernelArgsOf, kernelArgsProblem } from '../../shared/board/cmdline.ts';
import { diskGuid } from '../../shared/board/disk-layout.ts';
import {
  formatLoaderConf,
  formatLoaderEntry,
  LOADER_CONF_PATH,
  loaderEntryPath,
} from '../../shared/boot-loader/loader-entry.ts';
import { SLOT_PARTITION, SLOTS, type Slot } from '../../shared/board/slots.ts';
import { UserError } from '../user-error.ts';
import { type Components, componentOf, requireFile } from './component-files.ts';
import type { FileContent } from '../root-tree.ts';

export interface BootFile {
  /** Relative to the boot partition's root. */
  path: string;
  content: FileContent;
}

export interface BootOptions {
  board: Board;
  hostname: string;
  /** As in the manifest. */
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
  const { efiLoader } = options.board;
  return [
    {
      path: efiLoader.bootPath,
      content: requireFile(componentOf(components, 'boot-loader'), efiLoader.packagePath),
    },
    { path: LOADER_CONF_PATH, content: text(formatLoaderConf('a')) },
    ...SLOTS.map((slot) => ({
      path: loaderEntryPath(slot),
      content: text(formatLoaderEntry(slot, cmdlineOf(slot, options))),
    })),
  ];
}

/** What belongs to the slot itself, the manifest excepted; paths are relative to the slot's directory. */
export function slotBootFiles(components: Components): BootFile[] {
  return [{ path: 'vmlinuz', content: requireFile(componentOf(components, 'kernel'), 'vmlinuz') }];
}

function cmdlineOf(slot: Slot, { hostname, kernelArgs }: BootOptions): string {
  return formatCmdline({ rootPartitionGuid: diskGuid(hostname, SLOT_PARTITION[slot]), slot, kernelArgs });
}

function text(content: string): FileContent {
  return { kind: 'bytes', bytes: new TextEncoder().encode(content) };
}
