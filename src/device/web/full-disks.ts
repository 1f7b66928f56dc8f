// Says that a disk is almost full, and who has most on it, for a person to act upon. Only then the directories are walked,
// as the kernels have no quotas by directory; with a pause between, and no more than so many entries of each.

import { join } from 'node:path';
import type { DiskUsage } from '../../shared/api/web-api.ts';
import { monotonicMs } from '../monotonic.ts';
import { formatMegabytes } from '../format-megabytes.ts';

/** Share of a disk, and of the files that it can have, below which it is said. */
const LEAST_FREE = 0.05;
const WALK_AGAIN_AFTER_MS = 10 * 60_000;
const MAX_ENTRIES = 50_000;
const BLOCK_BYTES = 512;

interface Share {
  name: string;
  bytes: number;
  files: number;
  isCut: boolean;
}

interface Walk {
  startedMs: number;
  largest: Share | undefined;
}

export class FullDisks {
  readonly #walks = new Map<string, Walk>();

  /** A sentence for each disk that is almost full. Who has most is in it as soon as it is known; nobody waits for that. */
  warnings(disks: readonly DiskUsage[], apps: readonly string[]): string[] {
    return disks.flatMap((disk) => {
      const problem = problemOf(disk);
      if (problem === undefined) {
        this.#walks.delete(disk.mountPoint);
        return [];
      }
      const largest = this.#largestOn(disk.mountPoint, problem.by);
      return [
        `${problem.text}${largest === undefined ? '' : `; ${describe(largest, disk.mountPoint, apps)}`}`,
      ];
    });
  }

  #largestOn(mountPoint: string, by: 'bytes' | 'files'): Share | undefined {
    const known = this.#walks.get(mountPoint);
    if (known !== undefined && monotonicMs() - known.startedMs < WALK_AGAIN_AFTER_MS) return known.largest;
    const walk: Walk = { startedMs: monotonicMs(), largest: known?.largest };
    this.#walks.set(mountPoint, walk);
    void findLargest(walk, mountPoint, by);
    return walk.largest;
  }
}

async function findLargest(walk: Walk, mountPoint: string, by: 'bytes' | 'files'): Promise<void> {
  try {
    const shares = await measureShares(mountPoint);
    walk.largest = shares.toSorted((one, other) => other[by] - one[by])[0];
  } catch {
    // The disk is gone, or cannot be read: other warnings say so.
  }
}

function problemOf(disk: DiskUsage): { text: string; by: 'bytes' | 'files' } | undefined {
  const { mountPoint, availableBytes, totalBytes, files } = disk;
  if (availableBytes < totalBytes * LEAST_FREE) {
    const [free, total] = [availableBytes, totalBytes].map(formatMegabytes);
    return { text: `${mountPoint} is almost full: ${free} of ${total} are free for apps`, by: 'bytes' };
  }
  if (files !== undefined && files.free < files.total * LEAST_FREE) {
    const text = `${mountPoint} can hardly take any more files: ${files.free} of ${files.total} are free`;
    return { text, by: 'files' };
  }
  return undefined;
}

function describe({ name, bytes, files, isCut }: Share, mountPoint: string, apps: readonly string[]): string {
  const path = join(mountPoint, name);
  const owner = apps.includes(name) ? `app "${name}"` : path;
  const place = apps.includes(name) ? ` in ${path}` : '';
  const least = isCut ? 'at least ' : '';
  return `${owner} has most of it, ${least}${formatMegabytes(bytes)} and ${least}${files} files${place}`;
}

/** Of each directory and file right below. Not of what is on another disk. */
async function measureShares(mountPoint: string): Promise<Share[]> {
  // Loaded when a disk is full: the module takes memory.
  const { lstat, opendir } = await import('node:fs/promises');
  const { dev } = await lstat(mountPoint);
  const shares: Share[] = [];
  for await (const { name } of await opendir(mountPoint)) {
    const share: Share = { name, bytes: 0, files: 0, isCut: false };
    const waiting = [join(mountPoint, name)];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      // An app may remove what is looked at.
      const entry = await lstat(path).catch(() => undefined);
      if (entry === undefined || entry.dev !== dev) continue;
      share.bytes += entry.blocks * BLOCK_BYTES;
      share.isCut = ++share.files >= MAX_ENTRIES;
      if (share.isCut) break;
      if (!entry.isDirectory()) continue;
      try {
        for await (const child of await opendir(path)) {
          waiting.push(join(path, child.name));
          if (waiting.length > MAX_ENTRIES) break;
        }
      } catch {
        // Likewise.
      }
    }
    shares.push(share);
  }
  return shares;
}
