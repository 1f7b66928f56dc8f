// What a component is to the rest of the host: a pinned part that others keep (kernel, Node.js, C library, ...),
// present as a directory of verified files in the cache.

import type { Board } from '../../shared/board/boards.ts';
import { filesFrom } from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { NODE_LINES, type NodeLine } from '../../shared/services/node-lines.ts';

export const COMPONENT_NAMES = [
  'kernel',
  'node',
  'node-22',
  'node-24',
  'npm',
  'libc',
  'boot-loader',
  'firmware',
  'e2fsprogs',
  'ca-certificates',
  'bubblewrap',
  'busybox',
  'tzdata',
  'wifi-supplicant',
  'wireless-regdb',
  'wifi-firmware',
  'toolbox',
] as const;
export type ComponentName = (typeof COMPONENT_NAMES)[number];

/** What only boot loaders consist of: a board whose boot loader has no file of it does without. */
export const OF_BOOT_LOADERS: readonly ComponentName[] = ['boot-loader', 'firmware'];

/** What an instance has that takes components of its own. */
export interface OptionalParts {
  /** Without a zone all is UTC, which needs no files. */
  hasTimeZone: boolean;
  hasWifi: boolean;
  /** The instance brings firmware along, for radios that nobody knows beforehand. */
  bringsWifiFirmware: boolean;
  /** Those that apps run on instead of the image's Node.js. */
  nodeLines: readonly NodeLine[];
  /** Programs of apps install packages on the device. */
  installsOnDevice: boolean;
  /** Apps find a shell. */
  hasShell: boolean;
}

export function optionalPartsOf(config: {
  time: { zone?: string };
  wifi?: unknown;
  components: Partial<Record<ComponentName, unknown>>;
  apps: readonly {
    nodeVersion?: NodeLine;
    installOnDevice?: boolean;
    sandbox: 'off' | { hasShell?: boolean };
  }[];
}): OptionalParts {
  return {
    hasTimeZone: config.time.zone !== undefined,
    hasWifi: config.wifi !== undefined,
    bringsWifiFirmware: config.components['wifi-firmware'] !== undefined,
    nodeLines: NODE_LINES.filter((line) => config.apps.some(({ nodeVersion }) => nodeVersion === line)),
    installsOnDevice: config.apps.some(({ installOnDevice }) => installOnDevice === true),
    hasShell: config.apps.some(({ sandbox }) => sandbox !== 'off' && sandbox.hasShell === true),
  };
}

export const NO_OPTIONAL_PARTS: OptionalParts = {
  hasTimeZone: false,
  hasWifi: false,
  bringsWifiFirmware: false,
  nodeLines: [],
  installsOnDevice: false,
  hasShell: false,
};

export type NodeComponentName = 'node' | `node-${NodeLine}`;

/** Undefined: the image's own. */
export function nodeComponentOf(line: NodeLine | undefined): NodeComponentName {
  return line === undefined ? 'node' : `node-${line}`;
}

/** Of a component that is a further Node.js. */
export function nodeLineOf(name: ComponentName): NodeLine | undefined {
  return NODE_LINES.find((line) => nodeComponentOf(line) === name);
}

/** Those of a board and an instance. */
export function componentNamesOf(board: Board, parts: OptionalParts): ComponentName[] {
  const layout = layoutOf(board.boot);
  return COMPONENT_NAMES.filter((name) => {
    // It is sent to devices, and in no image.
    if (name === 'toolbox') return false;
    const line = nodeLineOf(name);
    if (line !== undefined) return parts.nodeLines.includes(line);
    if (name === 'npm') return parts.installsOnDevice;
    if (name === 'busybox') return parts.hasShell;
    if (name === 'tzdata') return parts.hasTimeZone;
    if (name === 'wifi-supplicant' || name === 'wireless-regdb') return parts.hasWifi;
    if (name === 'wifi-firmware') return parts.hasWifi && (board.hasWifiFirmware || parts.bringsWifiFirmware);
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

/**
 * What a component is without that it has to bring along, as the end of a sentence: the firmware of Raspberry Pis is nobody's
 * to pass on but with its terms, whoever has made the component.
 */
export function describeMissingLicence(name: ComponentName, paths: readonly string[]): string | undefined {
  if (name !== 'firmware' || paths.some((path) => /^LICEN[CS]E\.broadcom$/.test(path))) return undefined;
  return 'has no "LICENCE.broadcom", without which it may not be passed on';
}

/** Whether a file is only there as a licence text: it has no other place in the root image. */
export function isLicenceFile(path: string): boolean {
  return LICENCE_PLACES.some(({ prefix }) => prefix.test(path));
}
