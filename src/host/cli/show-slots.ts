// The rows of tsk status that are about updates: slots, the trial that goes on, what came of the last ones.

import { describeBootFirmware } from '../../shared/boot-loader/boot-firmware.ts';
import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import { SLOTS, type Slot } from '../../shared/board/slots.ts';
import { describeStarts } from '../../shared/update/describe-starts.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import type { Trial, UpdateRecord } from '../../shared/update/update-state.ts';
import { clockTime } from '../deploy/update/update-problems.ts';
import { paint } from './output.ts';
import { formatTime } from './times.ts';

const SHOWN_RECORDS = 3;

/** `skewMs`: from the device's clock to this computer's. */
export function describeUpdates(status: UpdateStatus, skewMs: number): [string, string][] {
  const { trial, session, history, bootFirmware, trialProblem } = status;
  const rows = SLOTS.map((slot): [string, string] => [`Slot ${slot}`, describeSlot(status, slot)]);
  rows.push(['Starts', describeStarts(status)]);
  if (bootFirmware !== undefined) rows.push(['Firmware', describeBootFirmware(bootFirmware)]);
  if (trialProblem !== undefined) rows.push(['Updates', paint('red', trialProblem)]);
  if (trial !== null) rows.push(['Trial', describeTrial(trial, skewMs)]);
  if (session !== null) {
    const since = clockTime(session.startedAtMs + skewMs);
    rows.push(['Update', `${session.client} sends build ${shortBuildId(session.buildId)} since ${since}`]);
  }
  const records = history.slice(0, SHOWN_RECORDS);
  return [
    ...rows,
    ...records.map((each, index): [string, string] => [index === 0 ? 'Updates' : '', describeRecord(each)]),
  ];
}

/** `build 91cc3a21b0f4, tskrazy 0.1.0: runs, committed`. */
function describeSlot(status: UpdateStatus, slot: Slot): string {
  const content = status.slots[slot];
  const { running, committed, appsFrom, trial } = status;
  const hasApps = (appsFrom ?? running) === slot;
  const roles = [
    running === slot ? (hasApps ? 'runs' : 'runs the system') : hasApps ? 'runs the apps' : undefined,
    trial?.slot === slot ? 'on trial' : undefined,
    committed === slot ? 'committed' : undefined,
  ].filter((role) => role !== undefined);
  const what =
    content === null
      ? 'nothing that could be started'
      : `build ${shortBuildId(content.buildId)}, tskrazy ${content.tskrazyVersion}`;
  return roles.length === 0 ? what : `${what}: ${roles.join(', ')}`;
}

function describeTrial(trial: Trial, skewMs: number): string {
  const { buildId, fromBuildId, deadlineAtMs, waitsFor, confirmBy, stillUnwell } = trial;
  const end = `goes back to ${shortBuildId(fromBuildId)} at ${clockTime(deadlineAtMs + skewMs)} unless it is confirmed`;
  const by = confirmBy === 'client' ? 'a client' : 'the device itself';
  const state =
    waitsFor.length === 0 ? `all is well, ${by} has to confirm` : `waits for: ${waitsFor.join('; ')}`;
  const build = `build ${shortBuildId(buildId)}`;
  return paint('yellow', `${build}, ${end}; ${state}${describeStillUnwell(stillUnwell)}`);
}

function describeStillUnwell(what: readonly string[] = []): string {
  return what.length === 0 ? '' : `; not well, as before: ${what.join('; ')}`;
}

function describeRecord({
  startedAtMs,
  fromBuildId,
  toBuildId,
  outcome,
  reason,
  mode,
  who,
  stillUnwell,
}: UpdateRecord): string {
  const time = formatTime(startedAtMs).slice(0, 16);
  const how =
    outcome === 'confirmed' ? (mode === 'live' ? 'confirmed, without a restart' : 'confirmed') : outcome;
  const why = reason === null ? '' : `: ${reason}`;
  const text = `${time}  ${shortBuildId(fromBuildId)} -> ${shortBuildId(toBuildId)}  ${how}${why} (${who})${describeStillUnwell(stillUnwell)}`;
  return outcome === 'confirmed' ? text : paint('red', text);
}
