// An installed npm package as the bundler must know it: what it depends on, and why its code cannot be
// bundled if it has native add-ons. Judged by its package.json and its files; nothing of it is run.

import { existsSync, readdirSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Board } from '../../../shared/board/boards.ts';
import { buildToolsOf } from './build-tools.ts';
import { findDoubtfulScript, makesBinary } from './install-script.ts';
import { readPackageJson } from './package-json.ts';

export interface NpmPackage {
  /** Name of the directory below node_modules; it differs from the name in package.json for `npm:` aliases. */
  name: string;
  realName: string;
  version: string;
  directory: string;
  /** Why it has, or seems to have, native code: for messages. */
  nativeBecause: string | undefined;
  /** An install script that may do more than print; npm runs it on the host, nothing runs it for the device. */
  installScript: string | undefined;
  dependencies: readonly PackageDependency[];
  /** Names of the dependencies that stay out, because only its installation needs them. */
  buildTools: readonly string[];
  platform: { os: readonly string[]; cpu: readonly string[]; libc: readonly string[] };
}

interface PackageDependency {
  name: string;
  isOptional: boolean;
}

interface PackageJson {
  name?: unknown;
  version?: unknown;
  binary?: unknown;
  gypfile?: unknown;
  napi?: unknown;
  scripts?: Record<string, unknown>;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, unknown>;
  os?: unknown;
  cpu?: unknown;
  libc?: unknown;
}

const ADDON_LOADERS = [
  '@mapbox/node-pre-gyp',
  'bindings',
  'node-addon-api',
  'node-gyp-build',
  'node-gyp-build-optional-packages',
  'node-pre-gyp',
  'prebuild-install',
];

/** `@img/sharp-linux-arm64`, `@esbuild/linux-x64`, `lightningcss-win32-x64-msvc`. */
const PLATFORM_PACKAGE =
  /(?:^|[-/])(?:android|darwin|freebsd|linux|win32)(?:musl)?-(?:arm|arm64|ia32|loong64|ppc64|riscv64|s390x|x64)(?:-|$)/;

/** Depth to which a package is searched for `*.node` files; deeper ones are found when the bundler reaches them. */
const SEARCH_DEPTH = 3;

/** Of what an import names, with or without a path in the package. */
export function packageNameOf(specifier: string): string {
  return /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
}

/** The package that owns the file; undefined for the user's own code. */
export function packageOwning(path: string): { name: string; directory: string } | undefined {
  const marker = `${sep}node_modules${sep}`;
  const at = path.lastIndexOf(marker);
  if (at === -1) return undefined;
  const parts = path.slice(at + marker.length).split(sep);
  const name = parts.slice(0, parts[0]?.startsWith('@') ? 2 : 1);
  return { name: name.join('/'), directory: join(path.slice(0, at + marker.length), ...name) };
}

/** Undefined when there is no package in that directory. */
export function readNpmPackage(name: string, directory: string): NpmPackage | undefined {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return undefined;
  const json = readPackageJson<PackageJson>(path);
  const dependencies = dependenciesOf(json);
  const buildTools = buildToolsOf(
    json,
    dependencies.map((each) => each.name),
    directory,
  );
  return {
    name,
    directory,
    realName: typeof json.name === 'string' ? json.name : name,
    version: typeof json.version === 'string' ? json.version : '',
    nativeBecause: nativeEvidence(json, directory),
    installScript: findDoubtfulScript(json.scripts ?? {}, directory),
    dependencies: dependencies.filter((each) => !buildTools.includes(each.name)),
    buildTools,
    platform: { os: words(json.os), cpu: words(json.cpu), libc: words(json.libc) },
  };
}

/** Whether the package says that it is made for a platform, and this is it. */
export function isPlatformPackage({ platform }: NpmPackage): boolean {
  return platform.cpu.length > 0;
}

export function fitsBoard({ platform }: NpmPackage, board: Board): boolean {
  return (
    admits(platform.os, 'linux') && admits(platform.cpu, board.nodeArch) && admits(platform.libc, 'glibc')
  );
}

/** npm's rule for `os`, `cpu` and `libc`: a list of names, or of names to leave out with `!`. */
function admits(list: readonly string[], value: string): boolean {
  if (list.length === 0) return true;
  if (list.includes(`!${value}`)) return false;
  const wanted = list.filter((entry) => !entry.startsWith('!'));
  return wanted.length === 0 || wanted.includes(value) || wanted.includes('any');
}

function nativeEvidence(json: PackageJson, directory: string): string | undefined {
  if (json.gypfile === true || existsSync(join(directory, 'binding.gyp'))) return 'it has a binding.gyp';
  if (json.binary !== undefined && typeof json.binary === 'object') return 'its package.json has "binary"';
  if (json.napi !== undefined) return 'its package.json has "napi"';
  if (existsSync(join(directory, 'prebuilds'))) return 'it has prebuilt add-ons';
  const loader = ADDON_LOADERS.find((name) => json.dependencies?.[name] !== undefined);
  if (loader !== undefined) return `it depends on ${loader}`;
  const platforms = Object.keys(json.optionalDependencies ?? {}).filter((name) =>
    PLATFORM_PACKAGE.test(name),
  );
  if (platforms.length > 0) return 'it has a package per platform';
  const addon = findAddon(directory, SEARCH_DEPTH);
  if (addon !== undefined) return `it has "${addon}"`;
  return makesBinary(json.scripts ?? {}, directory) ? 'its install script compiles or downloads' : undefined;
}

function findAddon(directory: string, depth: number): string | undefined {
  const entries = readdirSync(directory, { withFileTypes: true });
  const addon = entries.find((entry) => entry.isFile() && entry.name.endsWith('.node'));
  if (addon) return addon.name;
  if (depth === 0) return undefined;
  for (const entry of entries) {
    if (!entry.isDirectory() || entry.name === 'node_modules') continue;
    const found = findAddon(join(directory, entry.name), depth - 1);
    if (found !== undefined) return `${entry.name}/${found}`;
  }
  return undefined;
}

function dependenciesOf(json: PackageJson): PackageDependency[] {
  const optional = new Set(Object.keys(json.optionalDependencies ?? {}));
  // Peers are the application's to install; one that is not there is not needed. Some name theirs in the second only.
  const peers = Object.keys({ ...json.peerDependencies, ...json.peerDependenciesMeta });
  const required = Object.keys(json.dependencies ?? {}).filter((name) => !optional.has(name));
  return [
    ...required.map((name) => ({ name, isOptional: false })),
    ...new Set([...optional, ...peers]).values().map((name) => ({ name, isOptional: true })),
  ];
}

function words(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
}
