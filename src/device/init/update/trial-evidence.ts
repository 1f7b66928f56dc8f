// What the kept logs and the boot loader still know of a trial that was pending when the device came up.

import { type BootRecord, LOG_OF_INIT, LOG_OF_KERNEL } from '../../../shared/api/init-api.ts';
import type { KeptLine } from '../log/kept-line.ts';
import type { StartTrace } from '../../boot-loader/boot-switch.ts';
import type { TrialEvidence } from './trial/judge-last-trial.ts';
import type { LastLines, PendingTrial } from './trial/pending-trial.ts';

export interface KeptLogs {
  boots(): Promise<BootRecord[]>;
  lines(boot: number, log: string): Promise<KeptLine[] | undefined>;
}

export async function findEvidence(
  pending: PendingTrial,
  trace: StartTrace,
  logs: KeptLogs,
): Promise<TrialEvidence> {
  const [before] = await logs.boots().catch(() => []);
  const boot = findTrialBoot(pending, before);
  // Whoever armed it was cut off before the restart that would have been the trial.
  const wasCut = before?.id === pending.askedBootId && before.end === null;
  if (boot === undefined) return { trace: wasCut ? null : trace, boot: null };
  return { trace, boot: { id: boot.id, end: boot.end, lastLines: await lastLinesOf(boot, logs) } };
}

/** Looks at no start but the one before this: any later one would have settled what came of the trial. */
function findTrialBoot(pending: PendingTrial, before: BootRecord | undefined): BootRecord | undefined {
  if (before === undefined || before.id === '') return undefined;
  if (pending.startedBootId !== null) return before.id === pending.startedBootId ? before : undefined;
  const isTrial = before.slot === pending.slot && before.id !== pending.askedBootId;
  return isTrial && before.buildId === pending.buildId ? before : undefined;
}

async function lastLinesOf({ boot, end }: BootRecord, logs: KeptLogs): Promise<LastLines> {
  const read = async (name: string): Promise<KeptLine[]> =>
    (await logs.lines(boot, name).catch(() => undefined)) ?? [];
  const [ofInit, ofKernel] = [await read(LOG_OF_INIT), await read(LOG_OF_KERNEL)];
  const isKernelsFault = end === null && ofKernel.slice(-20).some(({ stream }) => stream === 'stderr');
  return isKernelsFault || ofInit.length === 0
    ? { of: LOG_OF_KERNEL, lines: ofKernel }
    : { of: LOG_OF_INIT, lines: ofInit };
}
