// The root tree: the files planned for the device's root, before they become the root image.
// Components, apps and the build itself each add theirs; two of them with one path is an error.

import { UserError } from '../user-error.ts';

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
  /** Known when the file comes from the content-addressed cache; saves hashing it again. */
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
export interface RootDirectory extends EntryBase {
  kind: 'directory';
}
export interface RootSymlink extends EntryBase {
  kind: 'symlink';
  target: string;
}
export type RootEntry = RootFile | RootDirectory | RootSymlink;

export class RootTree {
  #entries = new Map<string, RootEntry>();

  add(entry: RootEntry): void {
    if (!/^(\/[^/]+)+$/.test(entry.path) || /(^|\/)\.\.?(\/|$)/.test(entry.path)) {
      throw new UserError(
        `Cannot add "${entry.path}" of ${entry.origin} to the image: not an absolute, normalised path`,
      );
    }
    const present = this.#entries.get(entry.path);
    if (present && !(present.kind === 'directory' && entry.kind === 'directory')) {
      throw new UserError(
        `Cannot add "${entry.path}" of ${entry.origin} to the image: ${present.origin} has it already`,
      );
    }
    if (!present) this.#entries.set(entry.path, entry);
  }

  get(path: string): RootEntry | undefined {
    return this.#entries.get(path);
  }

  /** All entries; in the order in which they were added. */
  entries(): readonly RootEntry[] {
    return [...this.#entries.values()];
  }
}
