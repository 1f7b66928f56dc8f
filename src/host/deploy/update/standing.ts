// How the device stands at any moment of an update, for whoever is told that it was broken off.

import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import { UserError } from '../../user-error.ts';
import { clockTime } from './update-problems.ts';

export type Standing =
  /** Nothing on it has changed. */
  | { at: 'untouched' }
  /** The device was told to restart with the build that it runs. */
  | { at: 'restarting' }
  /** The slot that does not run is being written. */
  | { at: 'receiving'; isInstalled: boolean }
  /** The device was asked to try the new build and has not answered. */
  | { at: 'asked'; buildId: string; fromBuildId: string }
  /** Somebody has asked for the roll-back by hand; the device has not answered, or is on its way back. */
  | { at: 'going back'; toBuildId: string }
  | {
      at: 'trial';
      buildId: string;
      fromBuildId: string;
      /** By this computer's clock; null: it has not said yet. */
      rollsBackAtMs: number | null;
      confirmBy: 'client' | 'device';
    };

/** What is thrown after Ctrl-C. */
export function interrupted(hostname: string, standing: Standing, signal: AbortSignal): UserError {
  const { message, hint } = describeStanding(hostname, standing);
  return new UserError(`Interrupted: ${message}`, { hint, cause: signal.reason });
}

export interface StandingText {
  message: string;
  hint: string;
}

export function describeStanding(hostname: string, standing: Standing): StandingText {
  switch (standing.at) {
    case 'untouched':
      return { message: `nothing on ${hostname} has changed`, hint: 'Run "tsk update" when you are ready.' };
    case 'restarting':
      return {
        message: `${hostname} restarts with what it runs now`,
        hint: 'Run "tsk update" again to go on.',
      };
    case 'receiving':
      return {
        message: standing.isInstalled
          ? `${hostname} has the new build in its other slot, and runs as before`
          : `${hostname} runs as before, and keeps what has arrived`,
        hint: 'Run "tsk update" again to go on: nothing that it has is sent again.',
      };
    case 'asked':
      return {
        message: `${hostname} may be about to try build ${shortBuildId(standing.buildId)}`,
        hint:
          `Unless it is confirmed, it goes back to build ${shortBuildId(standing.fromBuildId)} by itself. "tsk update" waits for it and\n` +
          'confirms it, "tsk status" shows how it stands.',
      };
    case 'going back':
      return {
        message: `${hostname} was asked to go back to build ${shortBuildId(standing.toBuildId)}`,
        hint: 'It does that by itself. "tsk status" shows how it stands.',
      };
    default:
      return describeTrial(hostname, standing);
  }
}

function describeTrial(hostname: string, trial: Standing & { at: 'trial' }): StandingText {
  const { rollsBackAtMs } = trial;
  const when = rollsBackAtMs === null ? '' : ` at ${clockTime(rollsBackAtMs)}`;
  const [build, from] = [shortBuildId(trial.buildId), shortBuildId(trial.fromBuildId)];
  if (trial.confirmBy === 'device') {
    return {
      message: `${hostname} tries build ${build}, and confirms it by itself if all is well`,
      hint: `Otherwise it goes back to build ${from}${when}. "tsk status" shows how it stands.`,
    };
  }
  return {
    message: `${hostname} tries build ${build}, and goes back to build ${from} by itself${when} unless that is confirmed`,
    hint: 'Run "tsk update" again to wait for it and confirm it, or "tsk rollback" to end it now.',
  };
}
