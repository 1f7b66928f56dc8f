// What a component is to the rest of the host: a pinned part that others keep (kernel, Node.js, C library, ...),
// present as a directory of verified files in the cache.

import type { Board } from '../../shared/board/boards.ts';
import { filesFrom } from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';

export const COMPONENT_NAMES = [
  'kernel',
  'node',
  'libc',
  'boot-loader',
  'firmware',
  'e2fsprogs',
  'ca-certificates',
  'bubblewrap',
  'tzdata',
] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** What only boot loaders consist of: a board whose boot loader has no file of it does without. */
export const OF_BOOT_LOADERS: readonly ComponentName[] = ['boot-loader', 'firmware'];

/** Those of a board. Time zones are for instances that are in one: without them all is UTC, which needs no files. */
export function componentNamesOf(board: Board, options: { hasTimeZone: boolean }): ComponentName[] {
  const layout = layoutOf(board.boot);
  return COMPONENT_NAMES.filter((name) => {
    if (name === 'tzdata') return options.hasTimeZone;
    return !OF_BOOT_LOADERS.includes(name) || filesFrom(layout, name).length > 0;
  });
}

export interface ComponentFile {
  /** Relative, '/'-separated. For what goes to the root image: its place there, without the leading slash. */
  path: string;
  kind: 'file' | 'symlink';
  mode: number;
  sizeBytes: number;
  /** Hash of a file's content, or of a symlink's target. Lower-case hexadecimal. */
  sha256: string;
  /** Target of a symlink. */
  target?: string;
}

export interface Component {
  name: ComponentName;
  version: string;
  /** Absolute directory in the cache with the files of `files`; read-only for callers. */
  directory: string;
  files: readonly ComponentFile[];
}

export interface LicenceFile {
  /** Path below /usr/share/licenses/<component>/ on the device. */
  name: string;
  /** Path of the file in the component. */
  path: string;
}

const LICENCE_PLACES: readonly { prefix: RegExp; name: string }[] = [
  // The C library component carries Debian's licence texts, to which every Debian copyright file refers.
  { prefix: /^usr\/share\/common-licenses\//, name: 'common-licenses/' },
  { prefix: /^usr\/share\/doc\/(?=[^/]+\/copyright$)/, name: '' },
  { prefix: /^(?=(LICEN[CS]E|COPYING|NOTICE)[^/]*$)/, name: '' },
];

/** The texts that an image with this component must carry, and their names there. */
export function licenceFiles(component: Component): LicenceFile[] {
  return component.files.flatMap((file) => {
    const place = LICENCE_PLACES.find(({ prefix }) => prefix.test(file.path));
    return place ? [{ name: file.path.replace(place.prefix, place.name), path: file.path }] : [];
  });
}

/** Whether a file is only there as a licence text: it has no other place in the root image. */
export function isLicenceFile(path: string): boolean {
  return LICENCE_PLACES.some(({ prefix }) => prefix.test(path));
}
