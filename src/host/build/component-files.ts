// Where the files of each component go: into the root tree or into the boot partition.

import type { Board } from '../../shared/board/boards.ts';
import {
  type Component,
  type ComponentFile,
  type ComponentName,
  isLicenceFile,
  licenceFiles,
  nodeLineOf,
} from '../components/component.ts';
import { NPM_DIRECTORY } from '../../shared/services/device-packages.ts';
import { nodePath } from '../../shared/services/node-lines.ts';
import { SHELL_COMMANDS, SHELL_DIRECTORY, SHELL_ROOT } from '../../shared/services/shell.ts';
import { chooseModules } from './kernel-modules.ts';
import type { FileContent, FileOnDisk, Layer, RootTree } from '../root-tree.ts';

export type Components = ReadonlyMap<ComponentName, Component>;

export function componentOf(components: Components, name: ComponentName): Component {
  const component = components.get(name);
  if (!component) throw new Error(`Cannot build the image: component "${name}" is not loaded`);
  return component;
}

function contentOf(component: Component, file: ComponentFile): FileOnDisk {
  return {
    kind: 'path',
    path: `${component.directory}/${file.path}`,
    sizeBytes: file.sizeBytes,
    sha256: file.sha256,
  };
}

/** The content of a file that must be there, such as the kernel. */
export function requireFile(component: Component, path: string): FileOnDisk {
  const file = component.files.find((candidate) => candidate.path === path);
  if (!file) {
    throw new Error(
      `Cannot use component "${component.name}" ${component.version}: it has no file "${path}"`,
    );
  }
  return contentOf(component, file);
}

/** Adds all that the components bring to the root, the runtime first: its blocks then lie at the front. */
export function addComponents(tree: RootTree, components: Components): void {
  for (const [name, layer] of Object.entries(ROOT_LAYERS)) {
    const component = components.get(name as ComponentName);
    if (component && layer !== null) addComponent(tree, component, layer);
  }
  if (components.has('busybox')) addShellCommands(tree);
  for (const component of components.values()) addLicences(tree, component);
}

/** What apps with a shell see as /bin; their Node.js is laid over the empty file. */
function addShellCommands(tree: RootTree): void {
  const base = { layer: 'system', origin: 'component busybox' } as const;
  for (const name of SHELL_COMMANDS)
    tree.add({
      ...base,
      kind: 'symlink',
      path: `${SHELL_DIRECTORY}/${name}`,
      mode: 0o777,
      target: 'busybox',
    });
  const empty: FileContent = { kind: 'bytes', bytes: new Uint8Array() };
  tree.add({ ...base, kind: 'file', path: `${SHELL_DIRECTORY}/node`, mode: 0o555, content: empty });
}

/** Layers in the order of the root; null: nothing of the component is in the root. */
const ROOT_LAYERS: Readonly<Record<ComponentName, Layer | null>> = {
  libc: 'runtime',
  node: 'runtime',
  'node-22': 'runtime',
  'node-24': 'runtime',
  npm: 'system',
  'ca-certificates': 'system',
  e2fsprogs: 'system',
  bubblewrap: 'system',
  busybox: 'system',
  tzdata: 'system',
  'wifi-supplicant': 'system',
  'wireless-regdb': 'system',
  'wifi-firmware': 'system',
  kernel: 'system',
  'boot-loader': null,
  firmware: null,
  toolbox: null,
};

function addComponent(tree: RootTree, component: Component, layer: Layer): void {
  const modules = component.name === 'kernel' ? chooseModules(component) : undefined;
  for (const file of component.files) {
    const path =
      modules === undefined || modules.paths.has(file.path) ? rootPath(component.name, file.path) : undefined;
    if (path === undefined || isLicenceFile(file.path)) continue;
    const base = { path, mode: file.mode, layer, origin: `component ${component.name}` };
    if (file.kind === 'symlink') tree.add({ ...base, kind: 'symlink', target: file.target ?? '' });
    else tree.add({ ...base, kind: 'file', content: contentOf(component, file) });
  }
  for (const [path, text] of Object.entries(modules?.indexes ?? {})) {
    const content: FileContent = { kind: 'bytes', bytes: new TextEncoder().encode(text) };
    tree.add({ kind: 'file', path, mode: 0o444, layer, origin: `component ${component.name}`, content });
  }
}

/** The path on the device of a component's file; undefined for what stays out of the root. */
function rootPath(name: ComponentName, path: string): string | undefined {
  const line = nodeLineOf(name);
  if (name === 'node' || line !== undefined) return path === 'bin/node' ? nodePath(line) : undefined;
  if (name === 'npm') return `${NPM_DIRECTORY}/${path}`;
  if (name === 'busybox') return `${SHELL_ROOT}/${path}`;
  const program = /^(?:usr\/)?s?bin\/([^/]+)$/.exec(path);
  return program ? `/tsk/bin/${program[1]}` : `/${path}`;
}

function addLicences(tree: RootTree, component: Component): void {
  for (const { name, path } of licenceFiles(component)) {
    tree.add({
      kind: 'file',
      path: `/usr/share/licenses/${component.name}/${name}`,
      mode: 0o444,
      layer: 'system',
      origin: `component ${component.name}`,
      content: requireFile(component, path),
    });
  }
}

/** File names of the shared libraries that the image has, for checking what a dynamic program needs. */
export function librariesOf(components: Components, board: Board): Set<string> {
  const names = new Set<string>([board.dynamicLinker.split('/').at(-1) ?? '']);
  for (const component of components.values()) {
    // It has a directory of its own for them, where no other program looks.
    if (component.name === 'wifi-supplicant') continue;
    for (const file of component.files) {
      const name = file.path.split('/').at(-1) ?? '';
      if (/\.so(\.|$)/.test(name)) names.add(name);
    }
  }
  return names;
}
