// What an image weighs, by who brings it: components, apps and each of their packages.

import type { RootEntry } from '../root-tree.ts';

export interface PartWeight {
  /** As in messages: `component node`, `app hub, package ws`. */
  name: string;
  files: number;
  /** Before the image is compressed. */
  bytes: number;
}

/** The heaviest first. */
export function weighParts(entries: readonly RootEntry[]): PartWeight[] {
  const parts = new Map<string, PartWeight>();
  for (const entry of entries) {
    if (entry.kind !== 'file') continue;
    const { files, bytes } = parts.get(entry.origin) ?? { files: 0, bytes: 0 };
    parts.set(entry.origin, { name: entry.origin, files: files + 1, bytes: bytes + sizeOfFile(entry) });
  }
  return [...parts.values()].toSorted((a, b) => b.bytes - a.bytes || (a.name < b.name ? -1 : 1));
}

export function sizeOfFile({ content }: RootEntry & { kind: 'file' }): number {
  return content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
}
