// The component that is no part of any image: sshd and a shell, sent to a device when a break-glass session is opened. And
// tools that a person asks for besides, each pinned by itself. Programs and what they read are taken whole; of libraries
// those that the programs name (ELF, DT_NEEDED), and not all that the packages depend on.

import { posix } from 'node:path';
import { isElf } from '../../formats/elf.ts';
import type { Board } from '../../shared/board/boards.ts';
import type { TreeWriter } from './component-tree.ts';
import type { DebEntry } from './deb-package.ts';
import { type DebianComponent, LIBC_NAMES } from './debian-components.ts';
import type { DebianFiles } from './debian-files.ts';
import type { DebianSelection } from './debian-source.ts';

/** A library's package; those of the C library are in every image. */
const LIBRARY = /^(?:lib(?!c6$|gcc-s1$|stdc\+\+6$|pam-(?:modules|runtime)$)|zlib1g$)/;
/** Where programs are, and what only they run. */
const PROGRAM = /^(?:usr\/)?(?:s?bin|lib\/openssh)\/[^/]+$/;
/** What scp of OpenSSH before 9.0 starts on the other side. */
const SCP = 'usr/bin/scp';

export const TOOLBOX: DebianComponent = {
  packages: ['openssh-server', 'busybox-static', 'openssh-client', 'openssh-sftp-server'],
  // From OpenSSH 10.6 on the copyright of all of them is in a package of its own.
  follows: (name) => LIBRARY.test(name) || name === 'openssh-common',
  async write(files, board, writer, packages) {
    const server = ['openssh-server', 'openssh-sftp-server']
      .flatMap((name) => files.pathsOf(name))
      .filter((path) => PROGRAM.test(path));
    const programs: DebEntry[] = [];
    for (const path of [...server, SCP]) {
      const { entry } = files.require(path);
      if (!isElf(entry.bytes)) continue;
      await files.addProgram(writer, path, entry);
      programs.push(entry);
    }
    const busybox = files.require('bin/busybox', 'usr/bin/busybox').entry;
    await files.addProgram(writer, 'bin/busybox', busybox);
    await files.addNeededLibraries(writer, programs, providedBy(board));
    await files.addCopyright(writer, ownersOf(files, writer, board, packages));
  },
};

/** Programs of other packages that a tool is nothing without, and their data. */
const OF_TOOLS = /^(?:python3|libpython3)/;
/** Terminals: no package depends on what describes them. */
const TERMINFO = 'ncurses-base';
const NOT_NEEDED =
  /^usr\/share\/(?!doc\/[^/]+(?:\/copyright)?$)(?:bash-completion|bug|doc|doc-base|info|lintian|locale|man|menu|pixmaps|applications)\//;

export function toolSelection(name: string): DebianSelection {
  return {
    packages: [name],
    isTyped: true,
    extras: [TERMINFO],
    follows: (dependency) => LIBRARY.test(dependency) || OF_TOOLS.test(dependency),
  };
}

export function isOfTool(path: string): boolean {
  return !NOT_NEEDED.test(path);
}

/** Packages of programs whole; of libraries' packages what the programs need. */
export async function writeTool(
  files: DebianFiles,
  board: Board,
  writer: TreeWriter,
  packages: readonly string[],
): Promise<void> {
  const programs: DebEntry[] = [];
  const provided = providedBy(board);
  for (const name of packages.filter((each) => OF_TOOLS.test(each) || !LIBRARY.test(each))) {
    for (const path of files.pathsOf(name)) {
      const entry = files.entry(path);
      if (entry === undefined || entry.kind === 'directory' || writer.has(path) || isCopyright(path))
        continue;
      if (entry.kind === 'symlink') {
        await writer.symlink(path, entry.target);
      } else if (isElf(entry.bytes)) {
        // A plug-in that only some have the libraries for, which the package recommends.
        if (!PROGRAM.test(path) && !(await files.hasNeeded(entry, provided))) continue;
        await files.addProgram(writer, path, entry, entry.mode & 0o777);
        programs.push(entry);
      } else {
        await writer.file(path, entry.mode & 0o777, entry.bytes);
      }
    }
  }
  await files.addNeededLibraries(writer, programs, provided);
  await files.addCopyright(writer, ownersOf(files, writer, board, packages));
}

function isCopyright(path: string): boolean {
  return path.startsWith('usr/share/doc/');
}

function providedBy(board: Board): Set<string> {
  return new Set([...LIBC_NAMES, posix.basename(board.dynamicLinker)]);
}

/** The packages of which something was taken. */
function ownersOf(
  files: DebianFiles,
  writer: TreeWriter,
  board: Board,
  packages: readonly string[],
): string[] {
  const libraries = new Set(
    writer.files
      .filter(({ path }) => posix.dirname(path) === `lib/${board.gnuTriplet}`)
      .map(({ path }) => posix.basename(path)),
  );
  return packages.filter((name) =>
    files.pathsOf(name).some((path) => writer.has(path) || libraries.has(posix.basename(path))),
  );
}
