// The time that stands in an image. A device takes it for the earliest that it can be (shared/manifest/build-time.ts), so
// a wrong one is said: SOURCE_DATE_EPOCH=0 for the same bytes each time, or a lock from a computer with a wrong clock.

import { EARLIEST_TIME_MS } from '../../shared/manifest/build-time.ts';
import { UserError } from '../user-error.ts';

/** Clocks of two computers differ by less. */
const TOLERANCE_SEC = 60;

export interface BuildTime {
  buildTimeSec: number;
  warnings: readonly string[];
}

/** Reproducible builds: SOURCE_DATE_EPOCH (its own specification), else the moment the lock was made. */
export function readBuildTime(epoch: string | undefined, lockCreatedAtSec: number, nowMs: number): BuildTime {
  const isFromLock = epoch === undefined || epoch === '';
  const buildTimeSec = isFromLock ? lockCreatedAtSec : parseEpoch(epoch);
  const wrong = describeWrongTime(buildTimeSec, nowMs);
  if (wrong === null) return { buildTimeSec, warnings: [] };
  const source = isFromLock ? '"createdAtSec" in tskrazy.lock.json' : 'SOURCE_DATE_EPOCH';
  const help = isFromLock ? '"tsk get -u" writes a new one' : 'set it to the time of the last commit, say';
  return {
    buildTimeSec,
    warnings: [`The build time, ${formatSecond(buildTimeSec)}, is ${wrong}: ${source} is wrong; ${help}`],
  };
}

function parseEpoch(epoch: string): number {
  // File systems have 32 bits for it.
  if (/^\d+$/.test(epoch) && Number(epoch) < 2 ** 32) return Number(epoch);
  throw new UserError(`Cannot use SOURCE_DATE_EPOCH "${epoch}": it is not a number of seconds since 1970`);
}

function describeWrongTime(buildTimeSec: number, nowMs: number): string | null {
  if (buildTimeSec * 1000 < EARLIEST_TIME_MS)
    return `no time that a device can start from (it takes ${formatSecond(EARLIEST_TIME_MS / 1000)} instead)`;
  return buildTimeSec > nowMs / 1000 + TOLERANCE_SEC
    ? "ahead of this computer's clock, and a device believes no single time server that tells an earlier time"
    : null;
}

/** `2026-11-28 17:30:05 UTC` */
function formatSecond(timeSec: number): string {
  return `${new Date(timeSec * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
