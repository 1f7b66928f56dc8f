// Of which packages each component is made, and which of their files are kept. One entry a component.
//
// Files of the root image are at their place there; libraries all in /lib/<triplet>, whatever directory the
// distribution's release uses, so that releases before and after the merge of / and /usr give the same image.

import { posix } from 'node:path';
import type { Board } from '../../shared/boards.ts';
import { readKernelImage, KERNEL_HEAD_BYTES } from '../../formats/kernel-image.ts';
import { UserError } from '../user-error.ts';
import type { ComponentName } from './component.ts';
import type { TreeWriter } from './component-tree.ts';
import { DebianFiles, LIBC_LIBRARIES } from './debian-files.ts';
import type { DebianSelection, DebianSource } from './debian-source.ts';
import { resolveGoModule, takeGoModule } from './go-source.ts';
import type { LockedComponent, LockedDebian, LockedGoModule, LockedNpmPackage } from './lock-file.ts';
import { writeNodeRuntime } from './node-runtime.ts';
import { fetchNpmPackage, resolveNpmPackage } from './npm-source.ts';
import type { SourceContext } from './source-context.ts';

/** Moved to the newest 26.x by `tsk get -u` only: the device relies on `node:ffi`, which is experimental. */
const NODE_VERSION = '26.10.0';
const NODE_UPDATE_RANGE = '^26.10.0';

export interface ComponentSources extends SourceContext {
  debian: DebianSource;
}

export interface ComponentKind {
  /** Part of the cache key: raise it when `write` makes other files of the same sources. */
  recipe: number;
  /** What to lock: the version that this tsk was made for, or with `update` the newest. */
  resolve(sources: ComponentSources, update: boolean): Promise<LockedComponent>;
  /** Fetches what is locked and writes the files that are kept. */
  write(
    sources: ComponentSources,
    locked: LockedComponent,
    writer: TreeWriter,
    temporaryDirectory: string,
  ): Promise<void>;
}

export const COMPONENT_KINDS: Readonly<Record<ComponentName, ComponentKind>> = {
  kernel: {
    recipe: 1,
    resolve: (sources) => resolveGoModule(sources, 'kernel', sources.board.kernelModule),
    write: (sources, locked, writer) => writeKernel(sources, expectGoModule(locked), writer),
  },
  node: {
    recipe: 1,
    resolve: (sources, update) =>
      resolveNpmPackage(
        sources,
        'node',
        `node-linux-${sources.board.nodeArch}`,
        update ? NODE_UPDATE_RANGE : NODE_VERSION,
      ),
    async write(sources, locked, writer, temporaryDirectory) {
      const path = await fetchNpmPackage(sources, 'node', expectNpmPackage(locked));
      await writeNodeRuntime(sources.board, path, writer, temporaryDirectory);
    },
  },
  libc: debianKind('libc', 1, {
    // base-files: the texts of the licences that the copyright files of all Debian packages refer to.
    packages: ['libc6', 'libstdc++6', 'libgcc-s1', 'libatomic1', 'base-files'],
    // The compiler's libraries keep their copyright file in a package for all of them.
    follows: (name) => /^gcc-\d+-base$/.test(name),
    write: writeLibc,
  }),
  'boot-loader': debianKind('boot-loader', 1, {
    packages: ['systemd-boot-efi'],
    follows: () => false,
    async write(files, board, writer) {
      const { packagePath } = board.efiLoader;
      await writer.file(packagePath, 0o644, files.require(packagePath).entry.bytes);
      await files.addCopyright(writer, ['systemd-boot-efi']);
    },
  }),
  e2fsprogs: debianKind('e2fsprogs', 1, {
    packages: ['e2fsprogs'],
    // Which of them are needed, the programs' own lists say.
    follows: (name) => name.startsWith('lib') && name !== 'libc6',
    write: writeE2fsprogs,
  }),
  'ca-certificates': debianKind('ca-certificates', 1, {
    packages: ['ca-certificates'],
    follows: () => false,
    write: writeCertificates,
  }),
};

interface DebianKind extends DebianSelection {
  write(files: DebianFiles, board: Board, writer: TreeWriter, packages: readonly string[]): Promise<void>;
}

function debianKind(name: ComponentName, recipe: number, kind: DebianKind): ComponentKind {
  return {
    recipe,
    resolve: (sources) => sources.debian.resolve(name, kind),
    async write(sources, lockedComponent, writer) {
      const locked = expectDebian(lockedComponent);
      const files = new DebianFiles(sources.board, name);
      for (const path of (await sources.debian.fetch(name, locked)).values()) await files.addPackage(path);
      await kind.write(
        files,
        sources.board,
        writer,
        locked.packages.map((each) => each.name),
      );
    },
  };
}

async function writeKernel(
  sources: ComponentSources,
  locked: LockedGoModule,
  writer: TreeWriter,
): Promise<void> {
  const { board } = sources;
  let head: Uint8Array = new Uint8Array();
  await takeGoModule(sources, 'kernel', locked, {
    // The module's cmdline.txt and config.txt are gokrazy's; ours come from the board.
    wants: (path) =>
      path === 'vmlinuz' || path.startsWith('lib/modules/') || /^(LICEN[CS]E|COPYING)/.test(path),
    async take(path, content) {
      const isImage = path === 'vmlinuz';
      await writer.file(path, 0o644, isImage ? keepHead(content, (bytes) => (head = bytes)) : content);
    },
  });
  const image = readKernelImage(head);
  const hint = 'Correct the kernel in tskrazy.json, or run "tsk get -u"';
  if (image.architecture !== board.debianArch) {
    throw new UserError(
      `Cannot use component kernel for board ${board.id}: "vmlinuz" of ${locked.module} is for ${image.architecture}, ` +
        `the board needs ${board.debianArch}`,
      { hint },
    );
  }
  if (!image.hasEfiStub) {
    throw new UserError(
      `Cannot use component kernel for board ${board.id}: "vmlinuz" of ${locked.module} has no EFI stub`,
      { hint: 'Use a kernel that was built with CONFIG_EFI_STUB=y' },
    );
  }
}

async function* keepHead(
  content: AsyncIterable<Uint8Array>,
  onHead: (head: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let head = new Uint8Array();
  for await (const chunk of content) {
    if (head.length < KERNEL_HEAD_BYTES) {
      head = Uint8Array.from(Buffer.concat([head, chunk]).subarray(0, KERNEL_HEAD_BYTES));
    }
    yield chunk;
  }
  onHead(head);
}

async function writeLibc(
  files: DebianFiles,
  board: Board,
  writer: TreeWriter,
  packages: readonly string[],
): Promise<void> {
  for (const name of LIBC_LIBRARIES.required) await files.addLibrary(writer, name);
  for (const name of LIBC_LIBRARIES.optional) {
    if (files.findLibrary(name)) await files.addLibrary(writer, name);
  }
  const linker = posix.basename(board.dynamicLinker);
  const place = `lib/${board.gnuTriplet}/${linker}`;
  const { entry } = files.require(place, `usr/${place}`, `lib/${linker}`, `usr/lib/${linker}`);
  await files.addProgram(writer, place, entry);
  const linkerPath = board.dynamicLinker.slice(1);
  await writer.symlink(linkerPath, posix.relative(posix.dirname(linkerPath), place));
  await files.addCopyright(
    writer,
    packages.filter((name) => !/^(base-files|gcc-\d+-base)$/.test(name)),
  );
  for (const path of files
    .paths()
    .filter((candidate) => candidate.startsWith('usr/share/common-licenses/'))) {
    const found = files.resolve(path);
    if (found) await writer.file(path, 0o644, found.entry.bytes);
  }
}

async function writeE2fsprogs(
  files: DebianFiles,
  board: Board,
  writer: TreeWriter,
  packages: readonly string[],
): Promise<void> {
  const programs = ['e2fsck', 'mke2fs', 'resize2fs'].map((name) => ({
    name,
    entry: files.require(`sbin/${name}`, `usr/sbin/${name}`).entry,
  }));
  for (const { name, entry } of programs) await files.addProgram(writer, `sbin/${name}`, entry);
  await writer.symlink('sbin/mkfs.ext4', 'mke2fs');
  await writer.symlink('sbin/fsck.ext4', 'e2fsck');
  const provided = new Set<string>([
    ...LIBC_LIBRARIES.required,
    ...LIBC_LIBRARIES.optional,
    posix.basename(board.dynamicLinker),
  ]);
  await files.addNeededLibraries(
    writer,
    programs.map(({ entry }) => entry),
    provided,
  );
  await writer.file('etc/mke2fs.conf', 0o644, files.require('etc/mke2fs.conf').entry.bytes);
  await files.addCopyright(writer, packages);
}

/** The bundle that update-ca-certificates would make: all certificates of Mozilla's list in one file. */
async function writeCertificates(files: DebianFiles, _board: Board, writer: TreeWriter): Promise<void> {
  const paths = files.paths().filter((path) => /^usr\/share\/ca-certificates\/mozilla\/.*\.crt$/.test(path));
  if (paths.length === 0) throw files.lacks('usr/share/ca-certificates/mozilla');
  const texts = paths.map((path) =>
    Buffer.from(files.require(path).entry.bytes).toString('latin1').trimEnd(),
  );
  await writer.file(
    'etc/ssl/certs/ca-certificates.crt',
    0o644,
    Buffer.from(`${texts.join('\n')}\n`, 'latin1'),
  );
  await files.addCopyright(writer, ['ca-certificates']);
}

function expectGoModule(locked: LockedComponent): LockedGoModule {
  if (locked.source === 'go-module') return locked;
  throw wrongSource('kernel', locked);
}

function expectNpmPackage(locked: LockedComponent): LockedNpmPackage {
  if (locked.source === 'npm') return locked;
  throw wrongSource('node', locked);
}

function expectDebian(locked: LockedComponent): LockedDebian {
  if (locked.source === 'debian') return locked;
  throw wrongSource('a Debian package', locked);
}

function wrongSource(what: string, locked: LockedComponent): UserError {
  return new UserError(`Cannot use tskrazy.lock.json: ${what} cannot come from source "${locked.source}"`, {
    hint: 'Restore the file from version control, or delete it and run "tsk get"',
  });
}
