// The manifest: all that an image contains, so that a device or a person can check it and so that an
// update can be worked out from two of them. Stored as JSON in the slot's boot directory.

import type { BoardId } from './boards.ts';

export const MANIFEST_NAME = 'manifest.json';

export interface ManifestFile {
  /** Path relative to the slot's boot directory. */
  path: string;
  sizeBytes: number;
  sha256: string;
}

/** A run of the root image, in order and without gaps; its borders are squashfs block borders. */
export interface ManifestChunk {
  lengthBytes: number;
  sha256: string;
}

export interface Manifest {
  formatVersion: 1;
  buildId: string;
  hostname: string;
  board: BoardId;
  tskrazyVersion: string;
  buildTimeSec: number;
  components: Readonly<Record<string, string>>;
  apps: readonly { name: string; kind: string; contentSha256: string }[];
  bootFiles: readonly ManifestFile[];
  root: { sizeBytes: number; sha256: string; chunks: readonly ManifestChunk[] };
}
