// Facts of the hardware in words: the page and `tsk status` say the same of them. Pure.

import type { PowerStatus } from './init-api.ts';
import type { BootDisk } from './web-api.ts';

/** `under-voltage now; processor held back since the start`, or `good`. */
export function describePower({ underVoltage, throttled, softTemperatureLimit }: PowerStatus): string {
  const words = [
    ['under-voltage', underVoltage],
    ['processor held back', throttled],
    ['clocks lowered for heat', softTemperatureLimit],
  ] as const;
  const said = words.flatMap(([what, condition]) => {
    if (condition === null || !condition.sinceStart) return [];
    return [`${what} ${condition.now ? 'now' : 'since the start'}`];
  });
  return said.length === 0 ? 'good' : said.join('; ');
}

/** `SD card SC32G of 08/2023, 29.7 GiB, 10 % worn (/dev/mmcblk0)` */
export function describeBootDisk(disk: BootDisk, formatBytes: (bytes: number) => string): string {
  const name = [disk.kind, disk.name].filter((word) => word !== null).join(' ');
  const parts = [
    disk.madeIn === null ? name : `${name} of ${disk.madeIn}`,
    formatBytes(disk.sizeBytes),
    ...(disk.wearPercent === null ? [] : [`${disk.wearPercent} % worn`]),
  ];
  return `${parts.join(', ')} (${disk.path})`;
}
