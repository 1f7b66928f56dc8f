// `libraries` of an app: shared libraries that the image lacks, out of Debian's packages, for that app alone. The lock pins
// the packages with all that they need besides what every image has; they lie in /app/NAME/lib.

import { posix } from 'node:path';
import { isElf, readElf } from '../../formats/elf.ts';
import type { Board } from '../../shared/board/boards.ts';
import { ComponentCache } from '../components/cache.ts';
import { DebianFiles } from '../components/debian-files.ts';
import { DebianSource } from '../components/debian-source.ts';
import { type Lock, type LockedDebian, stringifyValue } from '../components/lock-file.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { RootEntry, RootFile } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import type { AppContext, PinContext, PinnedApps, PinOptions } from './app-context.ts';

/** The board's C library and what belongs to it are in every image, and there can be one of them only. */
const IN_THE_IMAGE = /^(?:libc6|libgcc-s1|libstdc\+\+6|libatomic1|libcrypt1|gcc-\d+-base)$/;
const OF_LIBRARIES = /^(?:lib.*|zlib1g)$/;

export async function pinLibraries(
  lock: Lock,
  apps: readonly AppConfig[],
  context: PinContext,
  { update }: PinOptions,
): Promise<PinnedApps> {
  const before = lock.libraries ?? {};
  const after: Record<string, LockedDebian> = {};
  const changes: PinnedApps['changes'] = [];
  const debian = debianFor(context);
  for (const app of apps.filter(({ libraries = [] }) => libraries.length > 0)) {
    const key = lockKey(app, context.board);
    const present = before[key];
    const locked =
      after[key] ??
      (present !== undefined && !update
        ? present
        : await debian.resolve(`"libraries" of app ${app.name}`, {
            packages: app.libraries ?? [],
            follows: (name) => OF_LIBRARIES.test(name) && !IN_THE_IMAGE.test(name),
          }));
    after[key] = locked;
    if (present?.version !== locked.version)
      changes.push({
        app: `${app.name}, ${app.libraries?.[0]}`,
        from: present?.version ?? null,
        to: locked.version,
      });
  }
  // Those of other boards stay while their apps ask for them.
  const names = new Set(apps.map(namesOf));
  for (const [key, locked] of Object.entries(before))
    if (after[key] === undefined && names.has(key.slice(key.indexOf(' ') + 1))) after[key] = locked;
  if (stringifyValue(after) === stringifyValue(before)) return { lock, changes };
  const { libraries: _before, ...others } = lock;
  return { lock: Object.keys(after).length === 0 ? others : { ...others, libraries: after }, changes };
}

export interface Libraries {
  entries: RootEntry[];
  /** Where the dynamic linker is to look for them. */
  env: Record<string, string>;
}

export async function appLibraries(app: AppConfig, context: AppContext): Promise<Libraries> {
  if ((app.libraries ?? []).length === 0) return { entries: [], env: {} };
  const { board, lock } = context;
  const locked = lock.libraries?.[lockKey(app, board)];
  if (locked === undefined) {
    throw new UserError(
      `Cannot build app "${app.name}": tskrazy.lock.json does not have its "libraries" for board "${board.id}" yet`,
      { topic: 'offline', hint: 'Run "tsk get" while you are online.' },
    );
  }
  const component = `"libraries" of app ${app.name}`;
  const paths = await debianFor(context).fetch(component, locked);
  const files = new DebianFiles(board, component);
  for (const [name, path] of paths) await files.addPackage(name, path);
  const directory = `/app/${app.name}/lib`;
  const libraries = await librariesIn(files, board, new Set(context.libraries));
  const asked = app.libraries?.find((name) => !paths.has(name)) ?? app.libraries?.[0];
  if (libraries.size === 0) {
    throw new UserError(`Cannot build app "${app.name}": Debian's package "${asked}" has no shared library`, {
      hint: `Name in apps.${app.name}.libraries the package of the library itself: not "-dev", "-bin" or "-doc".`,
    });
  }
  const fileOf = (name: string, bytes: Uint8Array): RootFile => ({
    kind: 'file',
    path: `${directory}/${name}`,
    mode: 0o644,
    layer: `app:${app.name}`,
    origin: `app ${app.name}, libraries`,
    content: { kind: 'bytes', bytes },
  });
  const texts = [...paths.keys()].flatMap((name) => {
    const found = files.resolve(`usr/share/doc/${name}/copyright`);
    return found ? [fileOf(`copyright/${name}`, found.entry.bytes)] : [];
  });
  const own = app.env['LD_LIBRARY_PATH'];
  return {
    entries: [...[...libraries].map(([name, bytes]) => fileOf(name, bytes)), ...texts],
    env: { LD_LIBRARY_PATH: own === undefined ? directory : `${directory}:${own}` },
  };
}

/** By the names that others ask for them. What every image has is not taken again. */
async function librariesIn(
  files: DebianFiles,
  board: Board,
  present: ReadonlySet<string>,
): Promise<Map<string, Uint8Array>> {
  const places = [`lib/${board.gnuTriplet}`, `usr/lib/${board.gnuTriplet}`];
  const found = new Map<string, Uint8Array>();
  for (const path of files.paths()) {
    const name = posix.basename(path);
    if (!places.includes(posix.dirname(path)) || !/\.so(?:\.\d+)*$/.test(name)) continue;
    const bytes = files.resolve(path)?.entry.bytes;
    // Packages for developers have scripts for the linker under such names.
    if (bytes === undefined || !isElf(bytes)) continue;
    const { soname = name } = await readElf(bytes);
    if (soname === name && !present.has(name)) found.set(name, bytes);
  }
  return found;
}

function namesOf({ libraries = [] }: AppConfig): string {
  return libraries.toSorted().join(' ');
}

function lockKey(app: AppConfig, { debianArch }: Board): string {
  return `${debianArch} ${namesOf(app)}`;
}

function debianFor({ board, cacheDirectory, offline, report }: PinContext): DebianSource {
  const cache = new ComponentCache(cacheDirectory);
  return new DebianSource({ board, cache, offline, report, environment: process.env });
}
