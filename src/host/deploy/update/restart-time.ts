// How long the device took to restart the last time, as seen from here: for whoever is told that it will do so again.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface RestartTime {
  /** null: nobody has seen it restart. */
  read(): Promise<number | null>;
  note(seconds: number): Promise<void>;
}

/** Kept in the instance's state, for each device by what it is called. */
export function restartTimeOf(stateDirectory: string, device: string): RestartTime {
  const path = join(stateDirectory, 'restart-times.json');
  const readAll = async (): Promise<Record<string, unknown>> => {
    try {
      return (JSON.parse(await readFile(path, 'utf8')) ?? {}) as Record<string, unknown>;
    } catch {
      // None yet, or damaged: it is known again after the next restart.
      return {};
    }
  };
  return {
    read: async () => {
      const seconds = (await readAll())[device];
      return typeof seconds === 'number' && seconds > 0 ? seconds : null;
    },
    note: async (seconds) => {
      const times = { ...(await readAll()), [device]: Math.round(seconds) };
      // A figure that cannot be kept is not worth an error.
      await writeFile(path, `${JSON.stringify(times)}\n`).catch(() => undefined);
    },
  };
}

/** Before an update or a roll-back that comes after a live switch. */
export function describeRestartFirst(hostname: string, aboutSeconds: number | null): string {
  const howLong = aboutSeconds === null ? '' : `, for about ${aboutSeconds} s`;
  return `${hostname} has to restart first${howLong}: since its last update went live it still uses the slot that this one is written to.`;
}
