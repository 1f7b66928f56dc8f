// The components that are made of Debian packages: of which, and which files of them are kept.
//
// Files are at their place in the root image; libraries all in /lib/<triplet>, whatever directory the
// distribution's release uses, so that releases before and after the merge of / and /usr give the same image.

import { posix } from 'node:path';
import type { Board } from '../../shared/board/boards.ts';
import { filesFrom } from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import type { TreeWriter } from './component-tree.ts';
import type { DebianFiles } from './debian-files.ts';
import type { DebianSelection } from './debian-source.ts';

export interface DebianComponent extends DebianSelection {
  write(files: DebianFiles, board: Board, writer: TreeWriter, packages: readonly string[]): Promise<void>;
}

const LIBC_REQUIRED = [
  'libc.so.6',
  'libm.so.6',
  'libdl.so.2',
  'libpthread.so.0',
  'librt.so.1',
  'libresolv.so.2',
  'libstdc++.so.6',
  'libgcc_s.so.1',
  'libatomic.so.1',
];
/**
 * Empty shells or gone in newer releases, but named by programs that were built for older ones; name service
 * modules are loaded by glibc at run time.
 */
const LIBC_OPTIONAL = ['libutil.so.1', 'libmvec.so.1', 'libanl.so.1', 'libnss_dns.so.2', 'libnss_files.so.2'];

/** Names of the libraries that are in every image. */
export const LIBC_NAMES: readonly string[] = [...LIBC_REQUIRED, ...LIBC_OPTIONAL];

/** What other components need not bring along: the C library's files, and the dynamic linker. */
export function providedLibraries(board: Board): Set<string> {
  return new Set([...LIBC_NAMES, posix.basename(board.dynamicLinker)]);
}

export const LIBC: DebianComponent = {
  // base-files: the texts of the licences that the copyright files of all Debian packages refer to.
  packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1', 'base-files'],
  // The compiler's libraries keep their copyright file in a package for all of them.
  follows: (name) => /^gcc-\d+-base$/.test(name),
  async write(files, board, writer, packages) {
    for (const name of LIBC_REQUIRED) await files.addLibrary(writer, name);
    for (const name of LIBC_OPTIONAL) {
      if (files.findLibrary(name)) await files.addLibrary(writer, name);
    }
    const linker = posix.basename(board.dynamicLinker);
    const place = `lib/${board.gnuTriplet}/${linker}`;
    await files.addProgram(writer, place, files.require(place, `usr/${place}`, `usr/lib/${linker}`).entry);
    const linkerPath = board.dynamicLinker.slice(1);
    await writer.symlink(linkerPath, posix.relative(posix.dirname(linkerPath), place));
    await files.addCopyright(
      writer,
      packages.filter((name) => !/^(base-files|gcc-\d+-base)$/.test(name)),
    );
    await addCommonLicences(files, writer);
  },
};

/** Under each of their names: copyright files say `GPL-3` or just `GPL`. */
async function addCommonLicences(files: DebianFiles, writer: TreeWriter): Promise<void> {
  for (const path of files.paths()) {
    const found = path.startsWith('usr/share/common-licenses/') ? files.resolve(path) : undefined;
    if (found) await writer.file(path, 0o644, found.entry.bytes);
  }
}

export const BOOT_LOADER: DebianComponent = {
  packages: ['systemd-boot-efi'],
  follows: () => false,
  async write(files, board, writer, packages) {
    for (const path of filesFrom(layoutOf(board.boot), 'boot-loader')) {
      await writer.file(path, 0o644, files.require(path).entry.bytes);
    }
    await files.addCopyright(writer, packages);
  },
};

export const E2FSPROGS: DebianComponent = {
  packages: ['e2fsprogs'],
  // Which of them are needed, the programs' own lists say.
  follows: (name) => name.startsWith('lib') && name !== 'libc6',
  async write(files, board, writer, packages) {
    const programs = ['e2fsck', 'mke2fs', 'resize2fs'].map((name) => ({
      name,
      entry: files.require(`sbin/${name}`, `usr/sbin/${name}`).entry,
    }));
    for (const { name, entry } of programs) await files.addProgram(writer, `sbin/${name}`, entry);
    await writer.symlink('sbin/mkfs.ext4', 'mke2fs');
    await writer.symlink('sbin/fsck.ext4', 'e2fsck');
    await files.addNeededLibraries(
      writer,
      programs.map(({ entry }) => entry),
      providedLibraries(board),
    );
    await writer.file('etc/mke2fs.conf', 0o644, files.require('etc/mke2fs.conf').entry.bytes);
    await files.addCopyright(writer, packages);
  },
};

/**
 * What apps are sandboxed with: bwrap makes the sandbox, setpriv takes the rights away in it. bwrap itself can
 * change the user only with user namespaces, which not every kernel has.
 */
export const BUBBLEWRAP: DebianComponent = {
  packages: ['bubblewrap', 'util-linux'],
  // util-linux has dozens of programs and their libraries.
  follows: (name) => /^lib(cap|selinux|pcre)/.test(name),
  async write(files, board, writer, packages) {
    const programs = ['bwrap', 'setpriv'].map((name) => ({ name, ...files.require(`usr/bin/${name}`) }));
    for (const { name, entry } of programs) await files.addProgram(writer, `bin/${name}`, entry);
    await files.addNeededLibraries(
      writer,
      programs.map(({ entry }) => entry),
      providedLibraries(board),
    );
    await files.addCopyright(writer, packages);
  },
};

export const CA_CERTIFICATES: DebianComponent = {
  packages: ['ca-certificates'],
  follows: () => false,
  /** The bundle that update-ca-certificates would make: all certificates of Mozilla's list in one file. */
  async write(files, _board, writer, packages) {
    const directory = 'usr/share/ca-certificates/mozilla/';
    const paths = files.paths().filter((path) => path.startsWith(directory) && path.endsWith('.crt'));
    if (paths.length === 0) throw files.lacks(directory);
    const texts = paths.map((path) =>
      Buffer.from(files.require(path).entry.bytes).toString('latin1').trimEnd(),
    );
    const bundle = Buffer.from(`${texts.join('\n')}\n`, 'latin1');
    await writer.file('etc/ssl/certs/ca-certificates.crt', 0o644, bundle);
    await files.addCopyright(writer, packages);
  },
};

/** The shell of apps that ask for one. */
export const BUSYBOX: DebianComponent = {
  packages: ['busybox-static'],
  follows: () => false,
  async write(files, _board, writer, packages) {
    await files.addProgram(writer, 'bin/busybox', files.require('bin/busybox', 'usr/bin/busybox').entry);
    await files.addCopyright(writer, packages);
  },
};

const ZONES = 'usr/share/zoneinfo/';

export const TZDATA: DebianComponent = {
  packages: ['tzdata'],
  follows: () => false,
  /** All zones: 190 kB in an image, where one has 1 kB, and programs know other places' times too. */
  async write(files, _board, writer, packages) {
    const names = files.paths().filter((path) => path.startsWith(ZONES));
    for (const path of names.filter((name) => isZone(name.slice(ZONES.length)))) {
      const found = files.resolve(path);
      if (found?.path === path) await writer.file(path, 0o644, found.entry.bytes);
      else if (found) await writer.symlink(path, posix.relative(posix.dirname(path), found.path));
    }
    await files.addCopyright(writer, packages);
  },
};

/** Not the same once more with and without leap seconds, nor tables for choosing a zone. */
function isZone(name: string): boolean {
  return /^[A-Z][^.]*$/.test(name) && name !== 'Factory';
}
