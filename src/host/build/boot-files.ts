// The files of the boot partition, as the board's boot loader wants them (shared/boot-loader/): what it needs itself,
// and the slots' directories.

import { foldName } from '../../formats/fat/names.ts';
import type { Board } from '../../shared/board/boards.ts';
import { formatCmdline, kernelArgsOf, kernelArgsProblem } from '../../shared/board/cmdline.ts';
import { diskGuid } from '../../shared/board/disk-layout.ts';
import { FIRST_SLOT, SLOT_PARTITION, SLOTS, type Slot } from '../../shared/board/slots.ts';
import {
  type BootLoaderLayout,
  type BootSettings,
  type BroughtDirectory,
  type BroughtFile,
  newCommitText,
} from '../../shared/boot-loader/boot-loader-layout.ts';
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
  settings: BootSettings;
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
  const { layout, settings } = options;
  const committed = text(newCommitText(layout, FIRST_SLOT, settings));
  return [
    ...layout.sharedFiles.flatMap((file) => brought(file, components)),
    { path: layout.commit.path, content: committed },
    ...(layout.trialPath === null ? [] : [{ path: layout.trialPath, content: committed }]),
    ...SLOTS.map((slot) => ownFile(slot, options)),
  ];
}

function ownFile(slot: Slot, options: BootOptions): BootFile {
  const own = options.layout.ownFile(slot);
  try {
    return { path: own.path, content: text(own.format(cmdlineOf(slot, options), own.sizeBytes)) };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new UserError(`Cannot build for "${options.hostname}": ${cause.message}`, {
      cause,
      hint: 'Look at kernel.extraArgs in tskrazy.json.',
    });
  }
}

/** What belongs to the slot itself, the manifest excepted; paths are relative to the slot's directory. */
export function slotBootFiles(
  layout: BootLoaderLayout,
  settings: BootSettings,
  components: Components,
): BootFile[] {
  const copies = layout.sharedFiles.flatMap((file) =>
    file.inSlot === undefined ? [] : [{ ...file, path: file.inSlot }],
  );
  const written = layout.writtenSlotFiles(settings);
  // The card of another system has a README among its overlays, too, and is where people take a kernel from.
  const ours = new Set(written.map(({ path }) => foldName(path)));
  return [
    ...[...layout.slotFiles, ...copies].flatMap((file) => brought(file, components)),
    ...layout.slotDirectories
      .flatMap((directory) => allOf(directory, components))
      .filter(({ path }) => !ours.has(foldName(path))),
    ...written.map((file) => ({ path: file.path, content: text(file.text) })),
  ];
}

function brought({ component, from, path, isOptional }: BroughtFile, components: Components): BootFile[] {
  const source = componentOf(components, component);
  if (isOptional === true && !source.files.some((file) => file.path === from)) return [];
  return [{ path, content: requireFile(source, from) }];
}

function allOf({ component, from, path }: BroughtDirectory, components: Components): BootFile[] {
  const source = componentOf(components, component);
  return source.files
    .filter((file) => file.kind === 'file' && file.path.startsWith(`${from}/`))
    .map((file) => ({
      path: `${path}/${file.path.slice(from.length + 1)}`,
      content: requireFile(source, file.path),
    }));
}

function cmdlineOf(slot: Slot, { hostname, kernelArgs }: BootOptions): string {
  return formatCmdline({ rootPartitionGuid: diskGuid(hostname, SLOT_PARTITION[slot]), slot, kernelArgs });
}

function text(content: string): FileContent {
  return { kind: 'bytes', bytes: new TextEncoder().encode(content) };
}
