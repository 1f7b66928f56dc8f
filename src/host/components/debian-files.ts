// The files of several Debian packages as one tree, for picking single files out of it: finds libraries by name
// and follows symlinks, which in packages cross directories and even packages.

import { posix } from 'node:path';
import type { Board } from '../../shared/board/boards.ts';
import { readElf } from '../../formats/elf.ts';
import { UserError } from '../user-error.ts';
import type { TreeWriter } from './component-tree.ts';
import { requireBoardElf } from './board-elf.ts';
import { type DebEntry, readDeb } from './deb-package.ts';

const MAX_SYMLINKS = 40;

export class DebianFiles {
  readonly #entries = new Map<string, DebEntry>();
  /** Paths of each package. */
  readonly #packages = new Map<string, string[]>();
  readonly #board: Board;
  readonly #component: string;

  constructor(board: Board, component: string) {
    this.#board = board;
    this.#component = component;
  }

  /** Adds the files of package `name` that `wants` names. */
  async addPackage(name: string, path: string, wants: (path: string) => boolean = isUseful): Promise<void> {
    const entries = await readDeb(path, wants);
    for (const [each, entry] of entries) this.#entries.set(each, entry);
    this.#packages.set(name, [...entries.keys()]);
  }

  /** What of a package was added, in the order of the package. */
  pathsOf(name: string): readonly string[] {
    return this.#packages.get(name) ?? [];
  }

  paths(): string[] {
    return [...this.#entries.keys()].sort();
  }

  /** What is at `path` itself. */
  entry(path: string): DebEntry | undefined {
    return this.#entries.get(path);
  }

  /** The file at `path` behind all symlinks. */
  resolve(path: string): { path: string; entry: DebEntry } | undefined {
    let parts = path.split('/');
    let done = '';
    for (let links = 0; parts.length > 0;) {
      const next = posix.join(done, parts[0] ?? '');
      const entry = this.#entries.get(next);
      if (entry?.kind === 'symlink') {
        if (++links > MAX_SYMLINKS) return undefined;
        const target = entry.target.startsWith('/') ? entry.target.slice(1) : posix.join(done, entry.target);
        parts = [...target.split('/').filter(Boolean), ...parts.slice(1)];
        done = '';
      } else {
        done = next;
        parts = parts.slice(1);
      }
    }
    const entry = this.#entries.get(done);
    return entry?.kind === 'file' ? { path: done, entry } : undefined;
  }

  /** The first of `paths` that is a file, or an error that names them. */
  require(...paths: string[]): { path: string; entry: DebEntry } {
    for (const path of paths) {
      const found = this.resolve(path);
      if (found) return found;
    }
    throw this.lacks(paths[0] ?? '');
  }

  lacks(path: string): UserError {
    return new UserError(`Cannot use component ${this.#component}: its Debian packages have no "${path}"`, {
      hint: 'Use the package archive of Debian 12 or later',
    });
  }

  findLibrary(name: string): { path: string; entry: DebEntry } | undefined {
    const { gnuTriplet } = this.#board;
    for (const directory of [
      `lib/${gnuTriplet}`,
      `usr/lib/${gnuTriplet}`,
      'lib',
      'usr/lib',
      'lib64',
      'usr/lib64',
    ]) {
      const found = this.resolve(`${directory}/${name}`);
      if (found) return found;
    }
    return undefined;
  }

  /** Adds the library under its plain name, to /lib/<triplet> where the dynamic linker looks without ld.so.cache. */
  async addLibrary(writer: TreeWriter, name: string, directory = this.#libraryDirectory): Promise<void> {
    const found = this.findLibrary(name);
    if (!found) throw this.lacks(name);
    await this.addProgram(writer, `${directory}/${name}`, found.entry, 0o644);
  }

  get #libraryDirectory(): string {
    return `lib/${this.#board.gnuTriplet}`;
  }

  /** Adds an ELF file after checking that the board can run it. */
  async addProgram(writer: TreeWriter, path: string, entry: DebEntry, mode = 0o755): Promise<void> {
    await requireBoardElf(this.#board, this.#component, path, entry.bytes);
    await writer.file(path, mode, entry.bytes);
  }

  /** Whether all libraries that an ELF file names are among the packages or `provided`. */
  async hasNeeded(entry: DebEntry, provided: ReadonlySet<string>): Promise<boolean> {
    const { needed } = await readElf(entry.bytes);
    return needed.every((name) => provided.has(name) || this.findLibrary(name) !== undefined);
  }

  /** Adds every library that the ELF files among `paths` need, directly or not, and that `provided` has not. */
  async addNeededLibraries(
    writer: TreeWriter,
    roots: readonly DebEntry[],
    provided: ReadonlySet<string>,
    directory = this.#libraryDirectory,
  ): Promise<void> {
    const queue = [...roots];
    const added = new Set<string>();
    for (let entry = queue.shift(); entry !== undefined; entry = queue.shift()) {
      for (const name of (await readElf(entry.bytes)).needed) {
        if (provided.has(name) || added.has(name)) continue;
        added.add(name);
        if (!writer.has(`${directory}/${name}`)) await this.addLibrary(writer, name, directory);
        const library = this.findLibrary(name);
        if (library) queue.push(library.entry);
      }
    }
  }

  /** Adds the copyright file of each package; they lie in another package's directory at times. */
  async addCopyright(writer: TreeWriter, packages: readonly string[]): Promise<void> {
    for (const name of packages) {
      const found = this.require(`usr/share/doc/${name}/copyright`);
      await writer.file(`usr/share/doc/${name}/copyright`, 0o644, found.entry.bytes);
    }
  }
}

/** Of /usr/share only licence texts, certificates and time zones. */
function isUseful(path: string): boolean {
  return (
    !path.startsWith('usr/share/') ||
    /^usr\/share\/(doc\/[^/]+(\/copyright)?|common-licenses\/.*|ca-certificates\/.*|zoneinfo\/.*)$/.test(path)
  );
}
