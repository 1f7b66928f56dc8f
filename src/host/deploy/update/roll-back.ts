// Back to the other slot by hand: the end of a trial that goes on, or a trial of what is in the other slot, which
// the device confirms by itself.

import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import { SLOTS } from '../../../shared/board/slots.ts';
import type { SlotContent, UpdateStatus } from '../../../shared/update/update-api.ts';
import type { SwitchMode, Trial, UpdateRecord, UpdateState } from '../../../shared/update/update-state.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import { UserError } from '../../user-error.ts';
import { type Changes, describeChanges } from './describe-changes.ts';
import { followTrial, runningContent } from './follow-trial.ts';
import { restartDevice } from './restart-device.ts';
import { describeHowLong } from './restart-time.ts';
import { OutageWatch } from './outage-watch.ts';
import { interrupted } from './standing.ts';
import type { UpdateContext } from './update-context.ts';
import { noPassword } from './update-problems.ts';

export interface RollbackPlan {
  fromBuildId: string;
  toBuildId: string;
  /** A trial of `fromBuildId` is ended: it was never confirmed. */
  endsTrial: boolean;
  changes: Changes | null;
}

export interface RollbackResult {
  /** What was gone back to, or tried. */
  buildId: string;
  fromBuildId: string;
  outcome: 'confirmed' | 'rolled back' | 'did not start' | 'trial ended';
  mode: SwitchMode;
  reason: string | null;
  secondsWithoutService: number;
  record: UpdateRecord | null;
}

export async function rollBackDevice(
  context: UpdateContext,
  onPlan: (plan: RollbackPlan) => void,
): Promise<RollbackResult> {
  const watch = new OutageWatch(context.link.client);
  try {
    const status = await context.api.status();
    if (!context.link.status.mayChange) throw noPassword(context.hostname);
    return status.trial === null
      ? await tryOther(context, watch, status, onPlan)
      : await endTrial(context, watch, status, status.trial, onPlan);
  } catch (error) {
    const { hostname, standing, signal } = context;
    throw signal.aborted ? interrupted(hostname, standing, signal) : error;
  } finally {
    await watch.stop();
  }
}

async function endTrial(
  context: UpdateContext,
  watch: OutageWatch,
  status: UpdateStatus,
  trial: Trial,
  onPlan: (plan: RollbackPlan) => void,
): Promise<RollbackResult> {
  const { link, hostname } = context;
  const changes = changesBetween(runningContent(status)?.content, contentOf(status, trial.fromBuildId));
  onPlan({ fromBuildId: trial.buildId, toBuildId: trial.fromBuildId, endsTrial: true, changes });
  await goBack(context, trial.fromBuildId);
  const { outcome, record } = await followTrial(
    context,
    {
      buildId: trial.buildId,
      fromBuildId: trial.fromBuildId,
      trialId: trial.id,
      knownRecords: new Set(status.history.map(({ id }) => id)),
      bootIdBefore: trial.mode === 'reboot' ? link.status.bootId : null,
      confirmBy: 'device',
      doing: `Ending the trial of build ${shortBuildId(trial.buildId)}`,
      expected: 'rolled back',
    },
    watch.page,
  );
  if (outcome === 'confirmed') {
    throw new UserError(
      `Cannot end the trial of build ${shortBuildId(trial.buildId)} of "${hostname}": it was confirmed meanwhile`,
      {
        hint: 'Run "tsk rollback" again to go back all the same.',
      },
    );
  }
  return {
    buildId: trial.fromBuildId,
    fromBuildId: trial.buildId,
    outcome: 'trial ended',
    mode: trial.mode,
    reason: null,
    secondsWithoutService: await watch.secondsWithout(context.signal),
    record,
  };
}

async function tryOther(
  context: UpdateContext,
  watch: OutageWatch,
  status: UpdateStatus,
  onPlan: (plan: RollbackPlan) => void,
): Promise<RollbackResult> {
  const { link, hostname } = context;
  const other = SLOTS.find((slot) => slot !== status.committed);
  const content = other === undefined ? null : status.slots[other];
  if (status.committed === null || content === null) {
    throw new UserError(
      `Cannot roll back "${hostname}": slot ${other ?? '?'} has no build that could be started`,
      {
        hint: 'A device has one after its first update, and none while another update is written over it.',
      },
    );
  }
  refuseFailed(hostname, status, content.buildId);
  const running = runningContent(status)?.content;
  const fromBuildId = running?.buildId ?? link.status.system.buildId;
  const toBuildId = content.buildId;
  onPlan({ fromBuildId, toBuildId, endsTrial: false, changes: changesBetween(running, content) });
  const { trial } = await askToRollBack(context, watch, toBuildId);
  const mode = trial?.mode ?? 'reboot';
  const { outcome, record } = await followTrial(
    context,
    {
      buildId: toBuildId,
      fromBuildId,
      trialId: trial?.id ?? null,
      knownRecords: new Set(status.history.map(({ id }) => id)),
      bootIdBefore: mode === 'reboot' ? link.status.bootId : null,
      confirmBy: 'device',
      doing: `Trying build ${shortBuildId(toBuildId)}`,
      expected: 'confirmed',
    },
    watch.page,
  );
  const reason = record?.reason ?? null;
  const secondsWithoutService = await watch.secondsWithout(context.signal);
  return { buildId: toBuildId, fromBuildId, outcome, mode, reason, secondsWithoutService, record };
}

/** What is in the other slot may be an update that failed: going to it would fail again. */
function refuseFailed(hostname: string, { history }: UpdateStatus, buildId: string): void {
  const last = history.find(({ toBuildId }) => toBuildId === buildId);
  if (last === undefined || last.outcome === 'confirmed') return;
  const why = last.reason === null ? '' : `: ${last.reason}`;
  throw new UserError(
    `Cannot roll back "${hostname}": build ${shortBuildId(buildId)} in its other slot ${last.outcome === 'rolled back' ? 'was rolled back' : 'did not start'} itself${why}`,
    { hint: 'It runs the build before that. For an older one, check out its sources and run "tsk update".' },
  );
}

/** After a live switch the device may have to restart before, as for an update. */
async function askToRollBack(
  context: UpdateContext,
  watch: OutageWatch,
  toBuildId: string,
): Promise<UpdateState> {
  try {
    return await goBack(context, toBuildId);
  } catch (error) {
    if (!(error instanceof RefusalError) || error.code !== 'restart-first') throw error;
  }
  context.say(
    `${context.hostname} has to restart first${describeHowLong(await context.expectRestart())}: its last update went live, and it still uses the other slot.`,
  );
  await restartDevice(context, watch.page);
  return goBack(context, toBuildId);
}

async function goBack(context: UpdateContext, toBuildId: string): Promise<UpdateState> {
  context.take({ type: 'going back', toBuildId });
  return context.api.rollBack({ client: context.client });
}

function contentOf(status: UpdateStatus, buildId: string): SlotContent | null {
  return SLOTS.map((slot) => status.slots[slot]).find((content) => content?.buildId === buildId) ?? null;
}

function changesBetween(from: SlotContent | null | undefined, to: SlotContent | null): Changes | null {
  return from && to ? describeChanges(from, to) : null;
}
