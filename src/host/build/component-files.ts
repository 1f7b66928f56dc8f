// Where the files of each component go: into the root tree or into the boot partition.

import type { Board } from '../../shared/board/boards.ts';
import {
  type Component,
  type ComponentFile,
  type ComponentName,
  isLicenceFile,
  licenceFiles,
} from '../components/component.ts';
import type { FileOnDisk, Layer, RootTree } from '../root-tree.ts';

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
  for (const component of components.values()) addLicences(tree, component);
}

/** Layers in the order of the root; null: all of the component lies in the boot partition. */
const ROOT_LAYERS: Readonly<Record<ComponentName, Layer | null>> = {
  libc: 'runtime',
  node: 'runtime',
  'ca-certificates': 'system',
  e2fsprogs: 'system',
  bubblewrap: 'system',
  tzdata: 'system',
  kernel: 'system',
  'boot-loader': null,
  firmware: null,
};

function addComponent(tree: RootTree, component: Component, layer: Layer): void {
  for (const file of component.files) {
    const path = rootPath(component.name, file.path);
    if (path === undefined || isLicenceFile(file.path)) continue;
    const base = { path, mode: file.mode, layer, origin: `component ${component.name}` };
    if (file.kind === 'symlink') tree.add({ ...base, kind: 'symlink', target: file.target ?? '' });
    else tree.add({ ...base, kind: 'file', content: contentOf(component, file) });
  }
}

/** The path on the device of a component's file; undefined for what stays out of the root. */
function rootPath(name: ComponentName, path: string): string | undefined {
  if (name === 'kernel') return path.startsWith('lib/modules/') ? `/${path}` : undefined;
  if (name === 'node') return path === 'bin/node' ? '/bin/node' : undefined;
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
    for (const file of component.files) {
      const name = file.path.split('/').at(-1) ?? '';
      if (/\.so(\.|$)/.test(name)) names.add(name);
    }
  }
  return names;
}
