// The disk that the device starts from, and the sensors that are there: what sysfs has of them.

import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { BootDisk } from '../../shared/api/web-api.ts';
import type { BoardFacts } from '../read-board.ts';
import { locateRootDisk } from '../root-disk.ts';
import { readWear } from './disk-health.ts';
import { tryRead } from '../service-processes.ts';

export interface Hardware extends BoardFacts {
  bootDisk: BootDisk | null;
}

/** null: the root is on no disk (a file, memory), or nothing is known of it. */
export function readBootDisk(sys: Parameters<typeof locateRootDisk>[0]): BootDisk | null {
  try {
    const { path, sizeBytes } = locateRootDisk(sys);
    const block = realpathSync(sys.path(`/sys/class/block/${basename(path)}`));
    const read = (name: string): string | null => tryRead(`${block}/device/${name}`)?.trim() || null;
    // An SD card's maker is a number.
    const names = [read('vendor'), read('name') ?? read('model')].filter(
      (word) => word !== null && !word.startsWith('0x'),
    );
    return {
      path,
      kind: kindOf(basename(path), read('type')),
      name: names.join(' ') || null,
      madeIn: read('date'),
      sizeBytes,
      wearPercent: readWear(block),
    };
  } catch {
    return null;
  }
}

function kindOf(name: string, type: string | null): BootDisk['kind'] {
  if (type === 'SD') return 'SD card';
  if (type === 'MMC') return 'eMMC';
  if (name.startsWith('nvme')) return 'NVMe';
  return 'disk';
}

/** Turns a minute of the first fan that tells them; null: none does. */
export function readFan(sys: string): number | null {
  for (const directory of hardwareMonitors(sys)) {
    const text = tryRead(`${directory}/fan1_input`);
    if (text !== undefined && /^\d+$/.test(text.trim())) return Number(text);
  }
  return null;
}

/** Degrees of the processor's own sensor, where no thermal zone has any (PCs). */
export function readProcessorSensor(sys: string): number | null {
  const names = ['coretemp', 'k10temp', 'zenpower', 'cpu_thermal'];
  const sensor = hardwareMonitors(sys).find((directory) =>
    names.includes(tryRead(`${directory}/name`)?.trim() ?? ''),
  );
  const celsius = sensor === undefined ? 0 : Number(tryRead(`${sensor}/temp1_input`) ?? Number.NaN) / 1000;
  return celsius > 0 ? celsius : null;
}

function hardwareMonitors(sys: string): string[] {
  const directory = `${sys}/class/hwmon`;
  return existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : [];
}
