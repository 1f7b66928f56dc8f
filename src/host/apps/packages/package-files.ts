// Which files of an installed package go to the device: all but what only developers read and what is made for
// another machine. Binaries are told by their content, not by their names.

import { closeSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ElfFile, isElf, readElf } from '../../../formats/elf.ts';
import type { Board } from '../../../shared/board/boards.ts';
import { FileDevice } from '../../files/file-device.ts';

export interface PackageFile {
  /** Relative to the package's directory, with "/". */
  path: string;
  hostPath: string;
  sizeBytes: number;
  isExecutable: boolean;
  /** Of a binary for the board. */
  elf?: ElfFile;
}

export async function packageFiles(directory: string, board: Board): Promise<PackageFile[]> {
  const files: PackageFile[] = [];
  for (const path of listFiles(directory, '')) {
    if (isForDevelopers(path)) continue;
    const hostPath = join(directory, path);
    const stats = statSync(hostPath);
    const file = { path, hostPath, sizeBytes: stats.size, isExecutable: (stats.mode & 0o111) !== 0 };
    const head = readHead(hostPath);
    if (!isElf(head)) {
      if (!isForeignBinary(head)) files.push(file);
      continue;
    }
    const elf = await readElfFile(hostPath);
    if (elf && elf.machine === board.elfMachine && usesGlibc(elf, path)) files.push({ ...file, elf });
  }
  return files;
}

/** Symbolic links are left out: packages from a registry have none. */
function listFiles(root: string, below: string): string[] {
  return readdirSync(join(root, below), { withFileTypes: true })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) return SKIPPED_ANYWHERE.test(entry.name) ? [] : listFiles(root, path);
      return entry.isFile() ? [path] : [];
    });
}

const SKIPPED_ANYWHERE = /^(?:node_modules|\.git|\.github|\.vscode|\.idea)$/;

const LICENCE = /^(?:licen[cs]e|copying|notice|copyright|patents|authors)/i;

/** Only in the package's top directory: deeper ones may be code of that name. */
const DEVELOPER_DIRECTORY =
  /^(?:test|tests|__tests__|doc|docs|example|examples|bench|benchmark|benchmarks|coverage)\//;

const DEVELOPER_FILE =
  /(?:\.(?:d\.[cm]?ts|[cm]?ts|tsx|map|md|markdown|flow|coffee|c|cc|cpp|cxx|h|hh|hpp|inc|S|asm|rs|gyp|gypi|o|a|lib|pdb|exp|cmake|mk|tgz|tsbuildinfo)|\/\.[^/]+)$/i;

const DEVELOPER_NAMES =
  /^(?:Makefile|CMakeLists\.txt|Cargo\.(?:toml|lock)|tsconfig.*\.json|package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|readme.*|changelog.*|changes|history.*)$/i;

export function isForDevelopers(path: string): boolean {
  const name = path.split('/').at(-1) ?? '';
  if (LICENCE.test(name)) return false;
  return (
    DEVELOPER_DIRECTORY.test(path) ||
    DEVELOPER_FILE.test(`/${path}`) ||
    (DEVELOPER_NAMES.test(name) && path === name)
  );
}

/** Windows (MZ, then "PE" where the word at 0x3c says) and macOS (Mach-O, thin and universal). */
function isForeignBinary(head: Buffer): boolean {
  if (head.length < 64) return false;
  if (head.toString('latin1', 0, 2) === 'MZ') {
    const at = head.readUInt32LE(0x3c);
    return at + 2 > head.length || head.toString('latin1', at, at + 2) === 'PE';
  }
  if ([0xfeedface, 0xfeedfacf].includes(head.readUInt32LE(0))) return true;
  // 0xcafebabe begins Java classes too; there the next word is a version of at least 45.
  return head.readUInt32BE(0) === 0xcafebabe && head.readUInt32BE(4) < 45;
}

/** Binaries for musl and Android look the same but for the C library that they need. */
function usesGlibc(elf: ElfFile, path: string): boolean {
  if (/\bmusl\b|linuxmusl/.test(path)) return false;
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

/** Undefined for a file that only begins like one. */
async function readElfFile(path: string): Promise<ElfFile | undefined> {
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
