// The one check that all files of an app pass: a binary that the board cannot run or load is refused, wherever it
// comes from, for it would fail on the device only. Binaries are told by their content; programs of the kinds `go` and
// `binary` are looked at more closely by program-file.ts before.

import { closeSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import {
  type ElfFile,
  elfMachineName,
  type ElfHeader,
  isElf,
  readElf,
  readElfHeader,
} from '../../formats/elf.ts';
import type { Board } from '../../shared/board/boards.ts';
import type { AppConfig } from '../config/app-config.ts';
import { FileDevice } from '../files/file-device.ts';
import type { RootEntry } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import { dynamicProblem } from './program-file.ts';

/** Whether apps.NAME.foreignBinaries names the file at this path of the device, or all of packages is wanted. */
export function foreignBinaryFilter(
  app: Pick<AppConfig, 'name' | 'foreignBinaries' | 'dependencies'>,
): (path: string) => boolean {
  const named = new Set(devicePaths(app));
  const packages = app.dependencies?.files === 'all' ? `/app/${app.name}/node_modules/` : undefined;
  return (path) => named.has(path) || (packages !== undefined && path.startsWith(packages));
}

function devicePaths({ name, foreignBinaries = [] }: Pick<AppConfig, 'name' | 'foreignBinaries'>): string[] {
  return foreignBinaries.map((path) => posix.resolve(`/app/${name}`, path));
}

/** The image's libraries, and those beside the app when its environment says that they are looked for there. */
export function reachableLibraries(
  app: Pick<AppConfig, 'env'>,
  libraries: ReadonlySet<string>,
  included: readonly RootEntry[],
): ReadonlySet<string> {
  const directories = new Set((app.env['LD_LIBRARY_PATH'] ?? '').split(':').filter(Boolean));
  const own = included.filter(({ path }) => directories.has(posix.dirname(path)));
  return new Set([...libraries, ...own.map(({ path }) => posix.basename(path))]);
}

export interface BinaryCheck {
  app: AppConfig;
  board: Board;
  /** File names of the libraries that the image provides. */
  libraries: ReadonlySet<string>;
}

/** Throws for a binary of another machine; returns warnings of those that lack a library. */
export async function checkBinaries(entries: readonly RootEntry[], check: BinaryCheck): Promise<string[]> {
  requireNamed(entries, check.app);
  const isWanted = foreignBinaryFilter(check.app);
  const loadable: { entry: RootEntry; elf: ElfFile }[] = [];
  for (const entry of entries) {
    if (entry.kind !== 'file' || isWanted(entry.path)) continue;
    const elf = await readBinary(entry.path, entry.content, check);
    if (elf !== undefined) loadable.push({ entry, elf });
  }
  // Libraries find each other by run paths and by LD_LIBRARY_PATH; whichever it is, the app brings them.
  const own = entries.map(({ path }) => posix.basename(path));
  const libraries = new Set([...check.libraries, ...own]);
  return loadable.flatMap(({ entry, elf }) => {
    const problem = dynamicProblem(elf, check.board, libraries);
    return problem === undefined ? [] : [`"${entry.path}" of ${entry.origin} does not load: ${problem}`];
  });
}

/** A name with a mistake in it would let nothing pass, and nobody would know why. */
function requireNamed(entries: readonly RootEntry[], app: AppConfig): void {
  const present = new Set(entries.map(({ path }) => path));
  const absent = devicePaths(app).find((path) => !present.has(path));
  if (absent === undefined) return;
  throw new UserError(
    `Cannot build app "${app.name}": it has no file "${absent}", which its foreignBinaries name`,
    {
      hint: `Name files as they lie on the device: relative to /app/${app.name}, or absolute.`,
    },
  );
}

async function readBinary(
  path: string,
  content: { kind: 'bytes'; bytes: Uint8Array } | { kind: 'path'; path: string; sizeBytes: number },
  check: BinaryCheck,
): Promise<ElfFile | undefined> {
  if (content.kind === 'bytes') return undefined;
  const head = readHead(content.path, content.sizeBytes);
  // Packages have test data of that name, too.
  const isAddon = path.endsWith('.node') && !path.includes('/node_modules/');
  if (!isElf(head)) {
    if (isAddon && head.length > 0) throw foreign(path, foreignSystem(head), check);
    return undefined;
  }
  const device = await FileDevice.open(content.path, 'r');
  try {
    const header = await readElfHeader(device);
    const machine = machineOf(header);
    if (machine !== machineOf({ machine: check.board.elfMachine, bits: 64 }))
      throw foreign(path, `for ${machine}`, check);
    return await readElf(device);
  } catch (error) {
    // Data that only begins like one; an add-on must be one.
    if (!(error instanceof SyntaxError)) throw error;
    if (isAddon) throw foreign(path, 'a damaged ELF file', check);
    return undefined;
  } finally {
    await device.close();
  }
}

function machineOf({ machine, bits }: Pick<ElfHeader, 'machine' | 'bits'>): string {
  // The x32 ABI has the machine of 64-bit x86 in 32-bit files, and the kernels do not run it.
  return elfMachineName(machine).replace(/^64-bit/, `${bits}-bit`);
}

function foreign(path: string, kind: string, { app, board }: BinaryCheck): UserError {
  const directory = `/app/${app.name}/`;
  const name = path.startsWith(directory) ? path.slice(directory.length) : path;
  return new UserError(
    `Cannot put "${path}" into app "${app.name}": it is ${kind}, but board "${board.id}" has ${elfMachineName(board.elfMachine)}`,
    {
      hint:
        `Include the file for linux-${board.nodeArch} in its place, or leave it out. If the app only hands it on, ` +
        `name "${name}" in apps.${app.name}.foreignBinaries.`,
    },
  );
}

function foreignSystem(head: Buffer): string {
  if (head.toString('latin1', 0, 2) === 'MZ') return 'an add-on for Windows';
  const magics = [head.readUInt32BE(0), head.readUInt32LE(0)];
  if (magics.some((magic) => [0xfeedface, 0xfeedfacf, 0xcafebabe].includes(magic)))
    return 'an add-on for macOS';
  return 'no add-on';
}

function readHead(path: string, sizeBytes: number): Buffer {
  const buffer = Buffer.alloc(4);
  if (sizeBytes < buffer.length) return buffer.subarray(0, 0);
  const file = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}
