// What the devices that are there call themselves: the files `modalias` of /sys/devices.

import { type Dirent, readdirSync, readFileSync } from 'node:fs';

/** Device trees are some ten levels deep; sysfs has no circles but by links, which are not followed. */
const MAX_DEPTH = 32;
/**
 * Directories in which nothing has a driver of its own, two thirds of all: terminals, partitions and queues of disks,
 * interfaces, memory, and what the kernel keeps beside each device.
 */
const NO_DRIVERS = new Set(
  (
    'power statistics queues of_node msi_irqs wakeup tty block bdi net mem misc vc cpuidle cache topology ' +
    'workqueue'
  ).split(' '),
);

/** Directory by directory, undefined for one that has no such file: whoever asks may do something else in between. */
export function* deviceAliases(directory: string, depth = 0): Generator<string | undefined> {
  const entries = entriesOf(directory);
  yield entries.some(({ name }) => name === 'modalias') ? readAlias(`${directory}/modalias`) : undefined;
  if (depth === MAX_DEPTH) return;
  for (const entry of entries) {
    if (entry.isDirectory() && !NO_DRIVERS.has(entry.name))
      yield* deviceAliases(`${directory}/${entry.name}`, depth + 1);
  }
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Gone since.
    return [];
  }
}

/** Undefined: gone since, or it has no name for itself. */
function readAlias(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1').trim() || undefined;
  } catch {
    return undefined;
  }
}
