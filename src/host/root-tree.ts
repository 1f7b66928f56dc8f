// The root tree: the files planned for the device's root, before they become the root image.
// Components, apps and the build itself each add theirs; two of them with one path is an error.

import { UserError } from './user-error.ts';

/**
 * Layers are laid out in this order in the root image and share no fragment block, so that a change in
 * one app moves neither the runtime's blocks nor another app's.
 */
export type Layer = 'runtime' | 'system' | `app:${string}` | 'config';

interface EntryBase {
  /** Absolute, normalised, no trailing slash. */
  path: string;
  /** Permission bits, set-id bits included. */
  mode: number;
  uid?: number;
  gid?: number;
  layer: Layer;
  /** Who adds it, for messages: `component node`, `app sensor`. */
  origin: string;
}

export interface FileOnDisk {
  kind: 'path';
  path: string;
  sizeBytes: number;
  /** Known when the file comes from the content-addressed cache or was hashed before; saves hashing it again. */
  sha256?: string;
}
export interface FileInMemory {
  kind: 'bytes';
  bytes: Uint8Array;
}
export type FileContent = FileOnDisk | FileInMemory;

export interface RootFile extends EntryBase {
  kind: 'file';
  content: FileContent;
}
interface RootDirectory extends EntryBase {
  kind: 'directory';
}
export interface RootSymlink extends EntryBase {
  kind: 'symlink';
  target: string;
}
export type RootEntry = RootFile | RootDirectory | RootSymlink;

export class RootTree {
  readonly #entries = new Map<string, RootEntry>();
  /** Directories that must be there because something is below them, and who put that there. */
  readonly #parents = new Map<string, string>();

  add(entry: RootEntry): void {
    const problem = this.#problemOf(entry);
    if (problem !== undefined) {
      throw new UserError(`Cannot add "${entry.path}" of ${entry.origin} to the image: ${problem}`);
    }
    if (!this.#entries.has(entry.path)) this.#entries.set(entry.path, entry);
    for (const parent of parentsOf(entry.path)) {
      if (!this.#parents.has(parent)) this.#parents.set(parent, entry.origin);
    }
  }

  #problemOf({ path, kind }: RootEntry): string | undefined {
    if (!/^(\/[^/]+)+$/.test(path) || /(^|\/)\.\.?(\/|$)/.test(path)) {
      return 'not an absolute, normalised path';
    }
    const present = this.#entries.get(path);
    if (present && !(present.kind === 'directory' && kind === 'directory')) {
      return `${present.origin} has it already`;
    }
    const below = this.#parents.get(path);
    if (below !== undefined && kind !== 'directory') return `${below} has files below it`;
    const blocking = parentsOf(path)
      .map((parent) => this.#entries.get(parent))
      .find((parent) => parent && parent.kind !== 'directory');
    return blocking && `"${blocking.path}" of ${blocking.origin} is not a directory`;
  }

  get(path: string): RootEntry | undefined {
    return this.#entries.get(path);
  }

  /** All entries; in the order in which they were added. */
  entries(): readonly RootEntry[] {
    return [...this.#entries.values()];
  }
}

/** `/a` and `/a/b` of `/a/b/c`. */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(1, -1);
  return parts.map((_, index) => `/${parts.slice(0, index + 1).join('/')}`);
}
