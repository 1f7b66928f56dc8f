// What tsk update and tsk rollback say: what is going to change, and what came of it.

import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { plainText } from '../../shared/text/styled-text.ts';
import type { UpdateRecord } from '../../shared/update/update-state.ts';
import type { Instance } from '../config/instance.ts';
import type { Changes } from '../deploy/update/describe-changes.ts';
import { describeRestartFirst } from '../deploy/update/restart-time.ts';
import type { RollbackPlan } from '../deploy/update/roll-back.ts';
import type { UpdateContext } from '../deploy/update/update-context.ts';
import type { UpdatePlan, UpdateResult } from '../deploy/update/update-result.ts';
import type { DeviceClient } from '../devices/device-client.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import { UserError } from '../user-error.ts';
import { formatTable, type Output, paint } from './output.ts';
import type { Session } from './session.ts';
import { formatBytes } from './sizes.ts';

export function showPlan(output: Output, hostname: string, plan: UpdatePlan): void {
  const { fromBuildId, buildId, changes, notes } = plan;
  output.say(
    [
      formatHead(hostname, fromBuildId, buildId),
      ...formatChanges(changes),
      `  ${formatCourse(hostname, plan)}`,
      ...notes.map((note) => `  ${note}`),
    ].join('\n'),
  );
}

function formatCourse(
  hostname: string,
  { mode, rebootBecause, missingBytes, restartsFirst }: UpdatePlan,
): string {
  if (missingBytes === null)
    return `${describeRestartFirst(hostname, restartsFirst ?? { aboutSeconds: null })}\n  What is to be sent, and whether another restart is due, is seen after that.`;
  const size =
    missingBytes === 0 ? 'Nothing to send' : `${formatBytes(missingBytes)} to send, packed on the way`;
  if (mode === 'live')
    return `${size}, no ${restartsFirst === null ? '' : 'further '}restart: only the apps that changed are switched`;
  const because = rebootBecause.length === 0 ? '' : `: ${rebootBecause.join(', ')}`;
  return `${size}, then a restart${because}`;
}

export function showRollbackPlan(output: Output, hostname: string, plan: RollbackPlan): void {
  const { fromBuildId, toBuildId, changes, endsTrial } = plan;
  const what = endsTrial ? ['  Ends the trial of a build that is not confirmed yet'] : [];
  output.say([formatHead(hostname, fromBuildId, toBuildId), ...formatChanges(changes), ...what].join('\n'));
}

function formatHead(hostname: string, fromBuildId: string, toBuildId: string): string {
  return `${paint('bold', hostname)}: build ${shortBuildId(fromBuildId)} -> ${shortBuildId(toBuildId)}`;
}

function formatChanges(changes: Changes | null): string[] {
  if (changes === null) return [];
  const rows = [
    ...changes.system.map(({ name, from, to }) => [name, `${from ?? 'none'} -> ${to ?? 'none'}`]),
    ...changes.apps.map(({ name, change }) => [name, `app ${change}`]),
  ];
  return rows.length === 0 ? [] : formatTable(rows.map((row) => ['', ...row])).split('\n');
}

/** Throws when the device is not on the new build: that is what the verb was called for. */
export async function showOutcome(
  { output }: Session,
  instance: Instance,
  context: UpdateContext,
  result: UpdateResult,
): Promise<void> {
  const { hostname } = context;
  const value = { hostname, ...result };
  const [build, from] = [shortBuildId(result.buildId), shortBuildId(result.fromBuildId)];
  switch (result.outcome) {
    case 'unchanged':
      output.result(value, `${hostname} runs this build already (${build}).`);
      return;
    case 'dry run':
      output.result(value, 'Nothing was changed.');
      return;
    case 'on trial':
      output.result(
        value,
        `${hostname} tries build ${build} (was ${from}), and confirms it by itself when it is well.\n"tsk status" shows what came of it.`,
      );
      return;
    case 'confirmed': {
      const sent = result.bytesSent === 0 ? '' : `, ${formatBytes(result.bytesSent)} sent`;
      output.result(
        value,
        [
          `${hostname} now runs build ${build} (was ${from})${sent}${formatAbsence(result)}.`,
          ...(result.record?.stillUnwell ?? []).map(
            (what) => `Still not well, as before the update: ${what}.`,
          ),
        ].join('\n'),
      );
      return;
    }
    default:
      await failed(output, instance, context, value);
  }
}

export function formatAbsence({
  secondsWithoutService,
}: Pick<UpdateResult, 'secondsWithoutService'>): string {
  return secondsWithoutService === null ? '' : `, ${secondsWithoutService.toFixed(1)} s without service`;
}

interface Failure {
  outcome: string;
  buildId: string;
  fromBuildId: string;
  reason: string | null;
  record: UpdateRecord | null;
}

/** The object is the answer with --json, and the exit code tells. */
export async function failed(
  output: Output,
  instance: Instance,
  { hostname, link }: UpdateContext,
  result: Failure,
): Promise<void> {
  const { record, buildId, fromBuildId, outcome } = result;
  const places = new SourcePlaces(instance.stateDirectory, buildId);
  const lastLines = record?.lastLines ?? null;
  const lines = (lastLines?.lines ?? []).map((line) => places.map(plainText(line)));
  const logs = record === null ? undefined : await findLogs(link.client, record);
  if (output.json) {
    output.result({ ...result, logs: logs ?? null }, '');
    process.exitCode = 1;
    return;
  }
  const why = result.reason ?? 'it has kept no record of why';
  const head =
    outcome === 'did not start'
      ? `${hostname} is back on build ${shortBuildId(fromBuildId)}: build ${shortBuildId(buildId)} did not start: ${why}`
      : `${hostname} rolled back to build ${shortBuildId(fromBuildId)}: ${why}`;
  const tail =
    lastLines === null
      ? []
      : ['', `The last lines of ${lastLines.of}:`, ...lines.map((line) => `  ${line}`.trimEnd())];
  throw new UserError([head, ...tail].join('\n'), {
    topic: 'rolled-back',
    hint: logs === undefined ? '"tsk status" shows the history.' : `The whole log: ${logs}`,
  });
}

/** How to see all that the failed build said; undefined: it has left nothing. */
async function findLogs(client: DeviceClient, record: UpdateRecord): Promise<string | undefined> {
  const boots = await client.boots().catch(() => []);
  const boot = boots.find(({ id }) => id === record.bootId);
  if (boot === undefined) return undefined;
  const name = record.lastLines?.of ?? 'init';
  return `tsk logs ${boot.boot === 0 ? '' : `--boot ${boot.boot} `}${name}`;
}
