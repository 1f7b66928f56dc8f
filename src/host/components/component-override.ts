// A component that the instance takes from elsewhere: another Go module or npm package of the same shape, which
// the lock pins like any other, or a directory on this machine, such as a self-built kernel, which nothing pins.

import { open, readlink, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { isElf } from '../../formats/elf.ts';
import { KERNEL_HEAD_BYTES } from '../../formats/kernel-header.ts';
import type { Board } from '../../shared/board/boards.ts';
import { describeMissing, KERNEL_FILE } from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { listTree } from '../files/list-tree.ts';
import { UserError } from '../user-error.ts';
import { requireBoardElf } from './board-elf.ts';
import { requireBoardKernel } from './board-kernel.ts';
import {
  type Component,
  type ComponentFile,
  type ComponentName,
  describeMissingLicence,
  OF_BOOT_LOADERS,
} from './component.ts';
import { sha256Of, sha256OfFile } from './file-hash.ts';

import { NPM_FILES } from './npm-program.ts';
import { sourceOfHandle } from './node-runtime.ts';
import { MODEL_FILES, RADIO_PROGRAM } from '../../shared/board/wifi-firmware.ts';
import { REGULATORY_FILES, SUPPLICANT_FILE } from './wifi-components.ts';

export type ComponentOverride =
  | { kind: 'directory'; path: string }
  /** A Go module for the kernel, an npm package for Node.js. */
  | { kind: 'package'; name: string };

export type ComponentOverrides = Partial<Record<ComponentName, ComponentOverride>>;

/** What must be in the directory; everything else in it belongs to the component too. */
const REQUIRED_FILES: Readonly<Record<ComponentName, (board: Board) => string[]>> = {
  kernel: () => [KERNEL_FILE],
  node: () => ['bin/node'],
  'node-22': () => ['bin/node'],
  'node-24': () => ['bin/node'],
  npm: () => [...NPM_FILES],
  libc: (board) => [`lib/${board.gnuTriplet}/libc.so.6`, board.dynamicLinker.slice(1)],
  // What boot partitions need of these is asked below.
  'boot-loader': () => [],
  firmware: () => [],
  e2fsprogs: () => ['sbin/e2fsck', 'sbin/mkfs.ext4', 'sbin/resize2fs'],
  'ca-certificates': () => ['etc/ssl/certs/ca-certificates.crt'],
  bubblewrap: () => ['bin/bwrap', 'bin/setpriv'],
  busybox: () => ['bin/busybox'],
  tzdata: () => ['usr/share/zoneinfo/UTC'],
  'wifi-supplicant': () => [SUPPLICANT_FILE],
  'wireless-regdb': () => REGULATORY_FILES,
  'wifi-firmware': () => [],
  toolbox: () => ['usr/sbin/sshd', 'bin/busybox'],
};

/** Components that are no programs. */
const DATA: ReadonlySet<ComponentName> = new Set([
  'npm',
  'ca-certificates',
  'tzdata',
  'wireless-regdb',
  'wifi-firmware',
]);

/** The files of a local directory as a component. Hashed at every build: it may change between any two. */
export async function loadDirectory(name: ComponentName, path: string, board: Board): Promise<Component> {
  const directory = resolve(path);
  const act = `Cannot use "${path}" as component ${name}`;
  let files: ComponentFile[];
  try {
    files = await listFiles(directory);
  } catch (error) {
    throw new UserError(`${act}: ${(error as Error).message}`, { cause: error });
  }
  const paths = files.map((file) => file.path);
  const missing = REQUIRED_FILES[name](board).find((wanted) => !paths.includes(wanted));
  const problem =
    missing === undefined
      ? (describeMissing(layoutOf(board.boot), name, paths) ??
        describeMissingLicence(name, paths) ??
        describeMissingRadio(name, board, paths))
      : `has no "${missing}"`;
  if (problem !== undefined) {
    throw new UserError(`${act}: it ${problem}`, {
      hint: `Give it the files of the component that it replaces`,
    });
  }
  await checkArchitecture(name, directory, files, board);
  const digest = sha256Of(files.map((file) => `${file.path} ${file.mode} ${file.sha256}\n`).join(''));
  return { name, version: `local-${digest.slice(0, 12)}`, directory, files };
}

/** Firmware for another chip is for nothing; what radios other boards have, nobody knows. */
function describeMissingRadio(
  name: ComponentName,
  board: Board,
  paths: readonly string[],
): string | undefined {
  if (name !== 'wifi-firmware' || !board.hasWifiFirmware) return undefined;
  if (paths.some((path) => RADIO_PROGRAM.test(path))) return undefined;
  return `has no program for a radio of the board, such as "lib/firmware/${MODEL_FILES[0]}"`;
}

async function listFiles(directory: string): Promise<ComponentFile[]> {
  const entries = await listTree(directory);
  const paths = entries
    .filter((entry) => entry.isFile() || entry.isSymbolicLink())
    .map((entry) => ({
      isFile: entry.isFile(),
      path: join(entry.parentPath, entry.name).slice(directory.length + 1),
    }));
  paths.sort((a, b) => (a.path < b.path ? -1 : 1));
  const files: ComponentFile[] = [];
  for (const { path, isFile } of paths) {
    const absolute = join(directory, path);
    if (isFile) {
      const { mode, size } = await stat(absolute);
      const sha256 = await sha256OfFile(absolute);
      files.push({ path, kind: 'file', mode: mode & 0o7777, sizeBytes: size, sha256 });
    } else {
      const target = await readlink(absolute);
      const sizeBytes = Buffer.byteLength(target);
      files.push({ path, kind: 'symlink', mode: 0o777, sizeBytes, sha256: sha256Of(target), target });
    }
  }
  return files;
}

/** All that is for a machine has to be for the board: the file that the component is named for, and what is beside it. */
async function checkArchitecture(
  name: ComponentName,
  directory: string,
  files: readonly ComponentFile[],
  board: Board,
): Promise<void> {
  // Nothing of the boot loader gets into the root, and of the kernel only its modules.
  if (OF_BOOT_LOADERS.includes(name)) return;
  const [main] = REQUIRED_FILES[name](board);
  for (const { path, kind } of files) {
    if (kind !== 'file' || (name === 'kernel' && path !== main && !path.startsWith('lib/modules/'))) continue;
    const handle = await open(join(directory, path));
    try {
      const source = await sourceOfHandle(handle);
      const head = await source.read(0, Math.min(KERNEL_HEAD_BYTES, source.sizeBytes));
      if (name === 'kernel' && path === main) requireBoardKernel(board, `"${path}" of "${directory}"`, head);
      else if (isElf(head) || (path === main && !DATA.has(name))) {
        await requireBoardElf(board, name, path, source);
      }
    } finally {
      await handle.close();
    }
  }
}
