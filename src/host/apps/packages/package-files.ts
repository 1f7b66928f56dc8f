// Which files of an installed package go to the device: all that its code may read there. Nothing is left out for its
// name or directory alone, as programs read their dot files, examples and documentation too. What goes is certain not to
// be read: binaries for other machines (told by their content), what add-ons are compiled from, type declarations and
// source maps. The build says how much of each it was.

import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ElfFile, isElf, readElf } from '../../../formats/elf.ts';
import type { Board } from '../../../shared/board/boards.ts';
import { FileDevice } from '../../files/file-device.ts';
import type { LeftOutFile } from '../left-out.ts';

export interface PackageFile {
  /** Relative to the package's directory, with "/". */
  path: string;
  hostPath: string;
  sizeBytes: number;
  isExecutable: boolean;
  /** The headers of a binary for the board. */
  elf?: ElfFile;
}

export interface PackageFiles {
  files: PackageFile[];
  leftOut: LeftOutFile[];
}

export interface PackageChoice {
  board: Board;
  /** Whether something in the app reads the declarations of others, as TypeScript itself does. */
  keepsDeclarations: boolean;
  /** Paths of binaries for other machines that are wanted nevertheless. */
  isWanted: (path: string) => boolean;
  /** Whether nothing else is left out either. */
  keepsAll: boolean;
}

export async function packageFiles(directory: string, choice: PackageChoice): Promise<PackageFiles> {
  const files: PackageFile[] = [];
  const leftOut: LeftOutFile[] = [];
  const isCompiled =
    existsSync(join(directory, 'binding.gyp')) || existsSync(join(directory, 'CMakeLists.txt'));
  const all = listFiles(directory, '');
  const keepsDeclarations = choice.keepsDeclarations || readsDeclarations(directory, all);
  for (const { path, isLink } of all) {
    const hostPath = join(directory, path);
    const stats = statSync(hostPath, { throwIfNoEntry: false });
    const sizeBytes = stats?.size ?? 0;
    // npm makes none, and what it would lead to on the device is anybody's guess.
    if (isLink || !stats?.isFile()) {
      leftOut.push({ reason: 'link', path, sizeBytes: 0 });
      continue;
    }
    const file = { path, hostPath, sizeBytes, isExecutable: (stats.mode & 0o111) !== 0 };
    const head = readHead(hostPath);
    const elf = isElf(head) ? await readElfFile(hostPath) : undefined;
    const isForeign = isForeignFile(head, elf, path, choice.board);
    const uselessBecause = choice.keepsAll
      ? undefined
      : ((isCompiled && NATIVE_SOURCE.test(path) ? 'native source' : undefined) ??
        (DECLARATION.test(path) && !keepsDeclarations ? 'declaration' : undefined) ??
        (SOURCE_MAP.test(path) && head[0] === OPENING_BRACE ? 'source map' : undefined));
    const reason = isForeign && !choice.isWanted(path) ? 'foreign binary' : uselessBecause;
    // What is for another C library is no sign that the package has one for the board.
    if (reason === undefined) files.push({ ...file, ...(elf === undefined || isForeign ? {} : { elf }) });
    else leftOut.push({ reason, path, sizeBytes, ...(elf === undefined ? {} : { machine: elf.machine }) });
  }
  return { files, leftOut };
}

interface ListedFile {
  path: string;
  isLink: boolean;
}

/** What npm put into the package's own node_modules is packages by themselves; further down a directory of that name is the package's. */
function listFiles(root: string, below: string): ListedFile[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) return path === 'node_modules' ? [] : listFiles(root, path);
      return [{ path, isLink: entry.isSymbolicLink() }];
    });
}

const DECLARATION = /\.d\.[cm]?ts$/i;
const SCRIPT = /\.[cm]?js$/i;
const SOURCE_MAP = /\.(?:[cm]?[jt]sx?|css)\.map$/i;
const OPENING_BRACE = 0x7b;

/** Files of packages that are compiled: what compilers, linkers and their build files read and write. */
const NATIVE_SOURCE =
  /(?:\.(?:c|cc|cpp|cxx|h|hh|hpp|hxx|inc|s|asm|rs|gyp|gypi|o|obj|a|lib|pdb|exp|cmake|mk)|(?:^|\/)(?:Makefile|CMakeLists\.txt|Cargo\.(?:toml|lock)))$/i;

/** TypeScript finds its library by names that its code makes, editors in the browser are sent theirs. */
function readsDeclarations(directory: string, files: readonly ListedFile[]): boolean {
  if (!files.some(({ path }) => DECLARATION.test(path))) return false;
  return files.some(
    ({ path, isLink }) =>
      !isLink && SCRIPT.test(path) && readFileSync(join(directory, path)).includes('.d.ts'),
  );
}

function isForeignFile(head: Buffer, elf: ElfFile | undefined, path: string, board: Board): boolean {
  if (!isElf(head)) return isForeignBinary(head);
  return elf !== undefined && (elf.machine !== board.elfMachine || !usesGlibc(elf, path));
}

/** Windows (MZ, then "PE" where the word at 0x3c says; MSF: debugging information) and macOS (Mach-O, thin and universal). */
function isForeignBinary(head: Buffer): boolean {
  if (head.length < 64) return false;
  if (head.toString('latin1', 0, 2) === 'MZ') {
    const at = head.readUInt32LE(0x3c);
    return at + 2 > head.length || head.toString('latin1', at, at + 2) === 'PE';
  }
  if (head.toString('latin1', 0, 20) === 'Microsoft C/C++ MSF ') return true;
  if ([0xfeedface, 0xfeedfacf].includes(head.readUInt32LE(0))) return true;
  // 0xcafebabe begins Java classes too; there the next word is a version of at least 45.
  return head.readUInt32BE(0) === 0xcafebabe && head.readUInt32BE(4) < 45;
}

/** Binaries for musl and Android look the same but for the C library that they need; a static program needs none. */
function usesGlibc(elf: ElfFile, path: string): boolean {
  const isLibrary = /\.(?:node|so(?:\.[\d.]+)?)$/.test(path);
  if (/\bmusl\b|linuxmusl/.test(path) && (elf.isDynamic || isLibrary)) return false;
  if (elf.interpreter !== undefined && /musl|\/system\/bin\//.test(elf.interpreter)) return false;
  return !elf.needed.some((name) => name === 'libc.so' || name.startsWith('libc.musl'));
}

function readHead(path: string): Buffer {
  const buffer = Buffer.alloc(1024);
  const file = openSync(path, 'r');
  try {
    return buffer.subarray(0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

/** Undefined for a file that only begins like one: it is data. */
export async function readElfFile(path: string): Promise<ElfFile | undefined> {
  const device = await FileDevice.open(path, 'r');
  try {
    return await readElf(device);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  } finally {
    await device.close();
  }
}
