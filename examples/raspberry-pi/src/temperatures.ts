// Sensors on the 1-wire bus (DS18B20 at GPIO4), and the processor's own. Both are files of the kernel: thousandths of a degree.

import { readdirSync, readFileSync } from 'node:fs';

const ONE_WIRE = '/sys/bus/w1/devices';
const PROCESSOR = '/sys/class/thermal/thermal_zone0/temp';

export interface Temperature {
  name: string;
  celsius: number;
}

export function readTemperatures(): Temperature[] {
  const sensors = namesIn(ONE_WIRE).filter((name) => name.startsWith('28-'));
  const files = sensors.map((name) => [name, `${ONE_WIRE}/${name}/temperature`] as const);
  return [...files, ['processor', PROCESSOR] as const].flatMap(([name, path]) => {
    const celsius = read(path);
    return celsius === undefined ? [] : [{ name, celsius }];
  });
}

/** undefined: it is not there, or was pulled off while it was read. */
function read(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return text === '' ? undefined : Number(text) / 1000;
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // No bus: not a Raspberry Pi, or without "1-wire".
    return [];
  }
}
