// How long the device takes to restart, for whoever is told that it will do so: as it was seen from here the last time, or
// as the device itself tells of its start.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WebStatus } from '../../../shared/api/web-api.ts';

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

/** How long a restart is going to take. */
export interface ExpectedRestart {
  /** null: nobody knows. */
  aboutSeconds: number | null;
  /** What firmware and boot loader take comes on top of it: the device does not tell. Absent: it is part of it. */
  withoutFirmware?: true;
}

/** As seen from here the last time; else as long as the device says that it took for its start. */
export async function expectRestart(
  { read }: Pick<RestartTime, 'read'>,
  { startTime }: Pick<WebStatus, 'startTime'>,
): Promise<ExpectedRestart> {
  const seen = await read();
  if (seen !== null) return { aboutSeconds: seen };
  if (!startTime) return { aboutSeconds: null };
  const { beforeKernelSec, untilPageSec } = startTime;
  if (beforeKernelSec === null) return { aboutSeconds: Math.ceil(untilPageSec), withoutFirmware: true };
  return { aboutSeconds: Math.ceil(beforeKernelSec + untilPageSec) };
}

/** `, for about 14 s`, or nothing. */
export function describeHowLong({ aboutSeconds, withoutFirmware }: ExpectedRestart): string {
  if (aboutSeconds === null) return '';
  return `, for about ${aboutSeconds} s${withoutFirmware === true ? ' and what its firmware takes' : ''}`;
}

/** Before an update or a roll-back that comes after a live switch. */
export function describeRestartFirst(hostname: string, expected: ExpectedRestart): string {
  return `${hostname} has to restart first${describeHowLong(expected)}: since its last update went live it still uses the slot that this one is written to.`;
}
