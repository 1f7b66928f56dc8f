// The manifest: all that an image contains, so that a device or a person can check it and so that an
// update can be worked out from two of them. Stored as JSON in the slot's boot directory, beside its
// signatures (manifest-signature.ts). Whoever changes a byte of it must sign it again.

import type { Board, BoardId } from '../board/boards.ts';

export const MANIFEST_NAME = 'manifest.json';
/** A device takes no larger one. */
export const MAX_MANIFEST_BYTES = 8 * 1024 * 1024;

export interface ManifestFile {
  /** Path relative to the slot's boot directory. */
  path: string;
  sizeBytes: number;
  sha256: string;
  /** Chunks like those of the root image. */
  chunks: readonly ManifestChunk[];
}

/** A run of an image or file, in order and without gaps; in a root image its borders are squashfs block borders. */
export interface ManifestChunk {
  lengthBytes: number;
  sha256: string;
}

export interface ManifestApp {
  name: string;
  kind: string;
  /** Over its files and its service: configuration, environment. */
  contentSha256: string;
}

export interface Manifest {
  formatVersion: 1;
  buildId: string;
  hostname: string;
  board: BoardId;
  arch: Board['goArch'];
  tskrazyVersion: string;
  buildTimeSec: number;
  components: Readonly<Record<string, string>>;
  /** Words of the kernel command line, but those that name the slot and its root. */
  kernelArgs: readonly string[];
  /**
   * Over all that a live switch cannot replace: kernel and its arguments, runtime, programs of the system, and the
   * configuration that they read. Apps, build id and build time are not in it.
   */
  systemSha256: string;
  apps: readonly ManifestApp[];
  /** Files without the manifest itself and its signatures. */
  bootFiles: readonly ManifestFile[];
  root: { sizeBytes: number; sha256: string; chunks: readonly ManifestChunk[] };
  /** What the disk must have at least; boot files are needed twice, once for each slot. */
  minLayout: { rootPartitionBytes: number; bootPartitionBytes: number };
}
