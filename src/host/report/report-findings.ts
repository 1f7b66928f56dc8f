// What is wrong with a device, by what it tells: a sentence each, the most serious first.

import type { BootRecord } from '../../shared/api/init-api.ts';
import type { DiskUsage, WebStatus } from '../../shared/api/web-api.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';

const CLOCK_TOLERANCE_MS = 10_000;
const LEAST_FREE = 0.05;
const WORN_PERCENT = 90;
const MANY_STARTS = 5;

export interface ReportParts {
  clockOffsetMs: number | null;
  status: WebStatus | null;
  updates: UpdateStatus | null;
  boots: readonly BootRecord[] | null;
}

export function findProblems({ clockOffsetMs, status, updates, boots }: ReportParts): string[] {
  return [
    ...(status ? [...ofServices(status), ...ofSystem(status), ...ofNetwork(status)] : []),
    ...(status && clockOffsetMs !== null ? ofClock(status, clockOffsetMs) : []),
    ...(updates ? ofUpdates(updates) : []),
    ...(boots ? ofBoots(boots) : []),
  ];
}

function ofServices({ services }: WebStatus): string[] {
  const sentences: string[] = [];
  for (const { name, state, reason, startCount } of services) {
    if (state === 'failed' || state === 'backoff')
      sentences.push(`${name} ${state === 'failed' ? 'has failed' : 'crashes again and again'}: ${reason}`);
    else if (state === 'running' && startCount > MANY_STARTS)
      sentences.push(`${name} has been started ${startCount} times since the device was`);
  }
  return sentences;
}

function ofSystem({ system, usage }: WebStatus): string[] {
  const { totalBytes, availableBytes } = usage.memory;
  return [
    ...system.warnings,
    ...(system.perm.state === 'tmpfs'
      ? [`/perm is in memory, and lost at the next restart: ${system.perm.note}`]
      : []),
    ...usage.disks.flatMap((disk) => ofDisk(disk, system.warnings)),
    ...(availableBytes < totalBytes * LEAST_FREE ? ['Hardly any memory is left'] : []),
  ];
}

function ofDisk(
  { mountPoint, totalBytes, availableBytes, health }: DiskUsage,
  warnings: readonly string[],
): string[] {
  const errors = health?.fileSystemErrors ?? 0;
  const wear = health?.wearPercent ?? 0;
  // A device says it with the name of who has most.
  const isSaid = warnings.some((warning) => warning.startsWith(`${mountPoint} `));
  return [
    ...(errors > 0 ? [`The file system of ${mountPoint} has met errors: ${errors}`] : []),
    ...(wear >= WORN_PERCENT ? [`The medium of ${mountPoint} is worn: ${wear} % of its life`] : []),
    ...(availableBytes < totalBytes * LEAST_FREE && !isSaid ? [`${mountPoint} is almost full`] : []),
  ];
}

function ofNetwork({ network }: WebStatus): string[] {
  if (!network) return [];
  const problems = network.interfaces.flatMap(({ name, problem }) =>
    problem === null ? [] : [`${name}: ${problem}`],
  );
  return network.online || problems.length > 0 ? problems : ['There is no network'];
}

function ofClock({ time }: WebStatus, offsetMs: number): string[] {
  const off = Math.abs(offsetMs);
  return [
    ...(time?.problem ? [`The clock: ${time.problem}`] : []),
    ...(time?.synchronised === false ? ['The clock has not been set by time servers since the start'] : []),
    ...(off > CLOCK_TOLERANCE_MS
      ? [`The clocks of the device and of this computer differ by ${Math.round(off / 1000)} s`]
      : []),
  ];
}

function ofUpdates({ history: [last], committed, trialStart, trialProblem }: UpdateStatus): string[] {
  return [
    ...(committed === null ? ['The configuration of the boot loader cannot be read'] : []),
    ...(trialStart === null
      ? [trialProblem ?? 'There is no way to try another slot, so that it cannot be updated']
      : []),
    ...(last && last.outcome !== 'confirmed'
      ? [`The last update, to build ${shortBuildId(last.toBuildId)}, ${last.outcome}: ${last.reason}`]
      : []),
  ];
}

/** The first one goes on. */
function ofBoots([, last]: readonly BootRecord[]): string[] {
  return last !== undefined && last.end === null ? ['Before this start it was cut off'] : [];
}
