// What the kernel and the medium tell of a disk's health. Read from /sys, which waits for no medium.

import { readFileSync } from 'node:fs';
import type { DiskHealth } from '../../shared/api/web-api.ts';

/** `device`: as it is mounted, `/dev/vda4`. Of what has no such files nothing is told. */
export function readDiskHealth(sys: string, device: string): DiskHealth {
  const name = /^\/dev\/([\w-]+)$/.exec(device)?.[1];
  if (name === undefined) return { fileSystemErrors: null, wearPercent: null };
  return {
    fileSystemErrors: readNumber(`${sys}/fs/ext4/${name}/errors_count`),
    wearPercent: readWear(`${sys}/class/block/${name}`),
  };
}

/** `block`: directory of a disk or a partition. eMMC (JESD84-B51, DEVICE_LIFE_TIME_EST): two areas, each in steps of 10 %; 0 is not told, 0x0b is used up. */
export function readWear(block: string): number | null {
  // A partition's directory lies in that of its disk. The kernel, unlike `join`, follows the link before it goes up.
  for (const path of [`${block}/device/life_time`, `${block}/../device/life_time`]) {
    const steps = (read(path) ?? '').split(' ').map(Number);
    const known = steps.filter((step) => step >= 1 && step <= 11);
    if (known.length > 0) return Math.min(100, Math.max(...known) * 10);
  }
  return null;
}

function readNumber(path: string): number | null {
  const text = read(path);
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : null;
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim();
  } catch {
    // Another file system, another kind of disk.
    return undefined;
  }
}
