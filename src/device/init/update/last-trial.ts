// What became of a trial that was pending when the device came up, and this is not that trial: by what was written
// down before the device went back, else by what the logs of that start and the boot loader still know.

import { type BootRecord, LOG_OF_INIT, LOG_OF_KERNEL } from '../../../shared/api/init-api.ts';
import type { Slot } from '../../../shared/board/slots.ts';
import type { BootSwitch } from '../../boot-loader/boot-switch.ts';
import type { KeptLine } from '../log/kept-line.ts';
import { makeEnding, type TrialOutcome } from './trial-book.ts';
import type { PendingTrial } from './trial-memory.ts';

export interface KeptLogs {
  boots(): Promise<BootRecord[]>;
  lines(boot: number, log: string): Promise<KeptLine[] | undefined>;
}

/** What the boot loader still knows. */
export type StartTrace = Awaited<ReturnType<BootSwitch['takeTrace']>>;

export interface LastTrialEvidence {
  pending: PendingTrial;
  /** What the boot loader starts. */
  committed: Slot;
  trace: StartTrace;
  logs: KeptLogs;
}

/** `forgotten`: the firmware has not even tried. */
export async function judgeLastTrial(evidence: LastTrialEvidence): Promise<TrialOutcome | 'forgotten'> {
  const { pending, committed, trace, logs } = evidence;
  const bootId = pending.startedBootId;
  // The power was cut between the boot loader's sector and our own note of it.
  if (pending.slot === committed) return { outcome: 'confirmed', bootId, ...makeEnding(null) };
  if (pending.ending !== null) return { outcome: 'rolled back', bootId, ...pending.ending };
  const boot = await findTrialBoot(pending, logs);
  if (boot !== undefined) return judgeByLogs(boot, logs);
  if (bootId !== null) {
    const reason = 'it did not go on: panic, hang or power cut';
    return { outcome: 'rolled back', bootId, ...makeEnding(reason) };
  }
  if (trace === 'lost' && !pending.isSecondTry) return 'forgotten';
  const reason =
    trace === 'kept'
      ? 'the new build did not come up: panic, hang or power cut'
      : 'the start on trial did not happen: another restart or a power cut came before it';
  return { outcome: 'did not start', bootId: null, ...makeEnding(reason) };
}

/** It can only be the start before this one: anything later would have settled the matter. */
async function findTrialBoot(pending: PendingTrial, logs: KeptLogs): Promise<BootRecord | undefined> {
  const [before] = await logs.boots().catch(() => []);
  if (before === undefined || before.id === '') return undefined;
  if (pending.startedBootId !== null) return before.id === pending.startedBootId ? before : undefined;
  const isTrial = before.slot === pending.slot && before.id !== pending.askedBootId;
  return isTrial && before.buildId === pending.buildId ? before : undefined;
}

async function judgeByLogs(boot: BootRecord, logs: KeptLogs): Promise<TrialOutcome> {
  const reason =
    boot.end === null ? 'it did not go on: panic, hang or power cut' : `it went down: ${boot.end.how}`;
  const read = async (name: string): Promise<KeptLine[]> =>
    (await logs.lines(boot.boot, name).catch(() => undefined)) ?? [];
  const [ofInit, ofKernel] = [await read(LOG_OF_INIT), await read(LOG_OF_KERNEL)];
  const isKernelsFault = boot.end === null && ofKernel.slice(-20).some(({ stream }) => stream === 'stderr');
  const lastLines =
    isKernelsFault || ofInit.length === 0
      ? { of: LOG_OF_KERNEL, lines: ofKernel }
      : { of: LOG_OF_INIT, lines: ofInit };
  return { outcome: 'rolled back', bootId: boot.id, ...makeEnding(reason, lastLines, boot.end?.atMs) };
}
