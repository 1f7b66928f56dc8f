// Where each component comes from: how its version is found and how its files are made. One entry a component.

import { UserError } from '../user-error.ts';
import type { ComponentName, NodeComponentName } from './component.ts';
import type { ComponentOverride } from './component-override.ts';
import type { TreeWriter } from './component-tree.ts';
import {
  BOOT_LOADER,
  BUBBLEWRAP,
  BUSYBOX,
  CA_CERTIFICATES,
  type DebianComponent,
  E2FSPROGS,
  LIBC,
  TZDATA,
} from './debian-components.ts';
import { WIFI_FIRMWARE, WIFI_SUPPLICANT, WIRELESS_REGDB } from './wifi-components.ts';
import { DebianFiles } from './debian-files.ts';
import type { DebianSource } from './debian-source.ts';
import { resolveGoModule } from './go-source.ts';
import { writeFirmwareFiles, writeKernelFiles } from './kernel-files.ts';
import type { LockedComponent } from './lock-file.ts';
import { isOfTool, TOOLBOX, writeTool } from './toolbox.ts';
import { writeNodeRuntime } from './node-runtime.ts';
import { NPM_VERSION, writeNpmProgram } from './npm-program.ts';
import { NODE_VERSIONS } from './node-versions.ts';
import { fetchNpmPackage, resolveNpmPackage } from './npm-source.ts';
import type { SourceContext } from './source-context.ts';

const RASPBERRY_PI_FIRMWARE = 'github.com/gokrazy/firmware';

export interface ComponentSources extends SourceContext {
  debian: DebianSource;
}

export interface ComponentKind {
  /** Part of the cache key: raise it when `write` makes other files of the same sources. */
  recipe: number;
  /** Package when the instance names no other place, for kinds that have packages of one name. */
  defaultPackage?(sources: ComponentSources): string;
  /** What to lock: the version that this tsk was made for, or with `update` the newest. */
  resolve(sources: ComponentSources, update: boolean, packageName: string): Promise<LockedComponent>;
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
    defaultPackage: ({ board }) => board.kernelModule,
    resolve: (sources, _update, module) => resolveGoModule(sources, 'kernel', module),
    async write(sources, locked, writer) {
      if (locked.source !== 'go-module') throw wrongSource('kernel', locked);
      await writeKernelFiles(sources, locked, writer);
    },
  },
  node: nodeKind('node'),
  'node-22': nodeKind('node-22'),
  'node-24': nodeKind('node-24'),
  npm: {
    recipe: 1,
    defaultPackage: () => 'npm',
    resolve: (sources, update, npmPackage) =>
      resolveNpmPackage(sources, 'npm', npmPackage, update ? `^${NPM_VERSION}` : NPM_VERSION),
    async write(sources, locked, writer, temporaryDirectory) {
      if (locked.source !== 'npm') throw wrongSource('npm', locked);
      await writeNpmProgram(await fetchNpmPackage(sources, 'npm', locked), writer, temporaryDirectory);
    },
  },
  libc: debianKind('libc', 1, LIBC),
  firmware: {
    recipe: 1,
    defaultPackage: () => RASPBERRY_PI_FIRMWARE,
    resolve: (sources, _update, module) => resolveGoModule(sources, 'firmware', module),
    async write(sources, locked, writer) {
      if (locked.source !== 'go-module') throw wrongSource('firmware', locked);
      await writeFirmwareFiles(sources, locked, writer);
    },
  },
  'boot-loader': debianKind('boot-loader', 1, BOOT_LOADER),
  e2fsprogs: debianKind('e2fsprogs', 1, E2FSPROGS),
  'ca-certificates': debianKind('ca-certificates', 1, CA_CERTIFICATES),
  bubblewrap: debianKind('bubblewrap', 1, BUBBLEWRAP),
  busybox: debianKind('busybox', 1, BUSYBOX),
  tzdata: debianKind('tzdata', 1, TZDATA),
  'wifi-supplicant': debianKind('wifi-supplicant', 3, WIFI_SUPPLICANT),
  'wireless-regdb': debianKind('wireless-regdb', 1, WIRELESS_REGDB),
  'wifi-firmware': debianKind('wifi-firmware', 1, WIFI_FIRMWARE),
  toolbox: debianKind('toolbox', 2, TOOLBOX),
};

/** What is asked for besides, for a toolbox. */
export function toolKind(tool: string): Pick<ComponentKind, 'recipe' | 'write'> {
  return {
    recipe: 1,
    async write({ board, debian }, locked, writer) {
      if (locked.source !== 'debian') throw wrongSource('toolbox', locked);
      const files = new DebianFiles(board, tool);
      for (const [name, path] of await debian.fetch(tool, locked))
        await files.addPackage(name, path, isOfTool);
      await writeTool(
        files,
        board,
        writer,
        locked.packages.map(({ name }) => name),
      );
    },
  };
}

function nodeKind(name: NodeComponentName): ComponentKind {
  const version = NODE_VERSIONS[name];
  return {
    recipe: 1,
    defaultPackage: ({ board }) => `node-linux-${board.nodeArch}`,
    resolve: (sources, update, npmPackage) =>
      resolveNpmPackage(sources, name, npmPackage, update ? `^${version}` : version),
    async write(sources, locked, writer, temporaryDirectory) {
      if (locked.source !== 'npm') throw wrongSource(name, locked);
      const path = await fetchNpmPackage(sources, name, locked);
      await writeNodeRuntime(name, path, sources.board, writer, temporaryDirectory);
    },
  };
}

function debianKind(name: ComponentName, recipe: number, component: DebianComponent): ComponentKind {
  return {
    recipe,
    resolve: (sources) => sources.debian.resolve(name, component),
    async write(sources, locked, writer) {
      if (locked.source !== 'debian') throw wrongSource(name, locked);
      const files = new DebianFiles(sources.board, name);
      const paths = await sources.debian.fetch(name, locked, component.archive);
      for (const [each, path] of paths) await files.addPackage(each, path);
      const packages = locked.packages.map((each) => each.name);
      await component.write(files, sources.board, writer, packages);
    },
  };
}

/** The Go module or npm package that the component comes from; empty for those of Debian packages. */
export function packageOf(
  sources: ComponentSources,
  name: ComponentName,
  override: ComponentOverride | undefined,
): string {
  const own = COMPONENT_KINDS[name].defaultPackage?.(sources);
  if (override?.kind !== 'package') return own ?? '';
  if (own !== undefined) return override.name;
  throw new UserError(
    `Cannot replace component ${name} by "${override.name}": it is made of several Debian packages`,
    { hint: 'Give a directory with the files instead' },
  );
}

/** Whether a lock entry still is for the package that the instance wants. */
export function isLockedFor(
  sources: ComponentSources,
  name: ComponentName,
  locked: LockedComponent,
  override: ComponentOverride | undefined,
): boolean {
  const wanted = packageOf(sources, name, override);
  if (locked.source === 'go-module') return locked.module === wanted;
  if (locked.source === 'npm') return locked.package === wanted;
  return true;
}

function wrongSource(name: ComponentName, locked: LockedComponent): UserError {
  return new UserError(
    `Cannot use tskrazy.lock.json: component ${name} cannot come from source "${locked.source}"`,
    { hint: 'Restore the file from version control, or delete it and run "tsk get"' },
  );
}
