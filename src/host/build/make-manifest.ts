// The manifest of an image whose root is written.

import { sourceOfBytes } from '../../formats/byte-source.ts';
import type { Board } from '../../shared/board/boards.ts';
import { UPDATE_RECORD_BYTES } from '../../shared/board/disk-layout.ts';
import {
  type Manifest,
  type ManifestApp,
  type ManifestFile,
  MANIFEST_NAME,
} from '../../shared/manifest/manifest.ts';
import { MAX_SIGNATURES_BYTES, SIGNATURES_NAME } from '../../shared/manifest/manifest-signature.ts';
import type { DeviceConfig } from '../../shared/services/services.ts';
import type { AppBuild } from '../apps/build-app.ts';
import { sourceOfFile } from '../files/file-device.ts';
import type { BootFile } from './boot-files.ts';
import { neededBootBytes } from './boot-partition.ts';
import { buildIdOf, describeEntries } from './build-id.ts';
import { hashChunks } from './chunks.ts';
import type { FileContent, RootEntry } from '../root-tree.ts';
import { systemHash } from './system-hash.ts';

/**
 * Two kernels have no run of bytes in common at the same place, so small chunks of boot files would save nothing and
 * make the manifest longer, which every update sends. What counts is what an interrupted update has to send again.
 */
const BOOT_CHUNK_BYTES = 1024 * 1024;
const PAGE_BYTES = 4096;

export interface ManifestPlan {
  board: Board;
  config: DeviceConfig;
  apps: readonly AppBuild[];
  /** Entries of the whole root. */
  entries: readonly RootEntry[];
  kernelArgs: readonly string[];
  loaderFiles: readonly BootFile[];
  /** Files without the manifest and its signatures. */
  bootFiles: readonly BootFile[];
  root: Manifest['root'];
}

export async function makeManifest(plan: ManifestPlan): Promise<Manifest> {
  const { board, config, kernelArgs, root } = plan;
  const bootFiles = await Promise.all(plan.bootFiles.map(describeBootFile));
  const manifest: Manifest = {
    formatVersion: 1,
    buildId: config.buildId,
    hostname: config.hostname,
    board: config.board,
    arch: board.goArch,
    tskrazyVersion: config.tskrazyVersion,
    buildTimeSec: config.buildTimeSec,
    components: config.components,
    kernelArgs,
    systemSha256: await systemHash({ entries: plan.entries, config, kernelArgs, bootFiles }),
    apps: await Promise.all(plan.apps.map(describeApp)),
    bootFiles,
    root,
    minLayout: { rootPartitionBytes: 0, bootPartitionBytes: 0 },
  };
  return { ...manifest, minLayout: minLayoutOf(manifest, plan) };
}

export function encodeManifest(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest)}\n`);
}

async function describeApp({ service, entries }: AppBuild): Promise<ManifestApp> {
  return {
    name: service.name,
    kind: service.kind,
    contentSha256: buildIdOf([...(await describeEntries(entries)), JSON.stringify(service)]),
  };
}

async function describeBootFile({ path, content }: BootFile): Promise<ManifestFile> {
  const source =
    content.kind === 'bytes' ? sourceOfBytes(content.bytes) : sourceOfFile(content.path, content.sizeBytes);
  const { sizeBytes } = source;
  const borders = Array.from(
    { length: Math.ceil(sizeBytes / BOOT_CHUNK_BYTES) },
    (_, i) => i * BOOT_CHUNK_BYTES,
  );
  return { path, sizeBytes, ...(await hashChunks(source, [...borders, sizeBytes])) };
}

/** What an update needs behind the root image: all boot files wait there until they are complete, chunk by chunk. */
export function updateBytes(bootFiles: readonly BootFile[]): number {
  return bootFiles.reduce((sum, { content }) => sum + wholePages(sizeOf(content)), UPDATE_RECORD_BYTES);
}

function wholePages(sizeBytes: number): number {
  return Math.ceil(sizeBytes / PAGE_BYTES) * PAGE_BYTES;
}

function sizeOf(content: FileContent): number {
  return content.kind === 'bytes' ? content.bytes.length : content.sizeBytes;
}

function minLayoutOf(manifest: Manifest, plan: ManifestPlan): Manifest['minLayout'] {
  return {
    rootPartitionBytes: wholePages(manifest.root.sizeBytes) + updateBytes(plan.bootFiles),
    bootPartitionBytes: neededBootBytes({
      hostname: manifest.hostname,
      timestampSec: manifest.buildTimeSec,
      loaderFiles: plan.loaderFiles,
      slotFiles: [
        ...plan.bootFiles,
        reserve(MANIFEST_NAME, encodeManifest(manifest).length + MANIFEST_RESERVE_BYTES),
        reserve(SIGNATURES_NAME, MAX_SIGNATURES_BYTES),
      ],
    }),
  };
}

/** Room for the numbers of minLayout, which are in the manifest themselves. */
const MANIFEST_RESERVE_BYTES = 100;

function reserve(path: string, sizeBytes: number): BootFile {
  return { path, content: { kind: 'path', path, sizeBytes } };
}
