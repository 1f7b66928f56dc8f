// The routes of the control API below /v1/update. See shared/api/init-api.ts for what they mean.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { APP_NAME } from '../../../shared/app-name.ts';
import { SLOTS } from '../../../shared/board/slots.ts';
import type { UntrustedValue } from '../../../shared/untrusted-json.ts';
import {
  briefOf,
  type ConfirmTrial,
  type TrialCheck,
  type TrialRequest,
} from '../../../shared/update/update-state.ts';
import type { Trials } from '../update/trials.ts';
import { ApiRefusal } from '../../api-refusal.ts';
import { readJson } from './read-json.ts';
import { sendJson } from './send-json.ts';

export type UpdateControl = Pick<Trials, 'state' | 'startTrial' | 'takeChecks' | 'confirm' | 'rollBack'>;

/** Control characters are refused: the text is shown on consoles. */
const TEXT = /^[^\p{Cc}]{1,200}$/u;
const BUILD_ID = /^[0-9a-zA-Z._-]{1,128}$/;
const MAX_APPS = 1000;
/** The last time that Date knows. */
const MAX_TIME_SEC = 8.64e12;
const MAX_CHECKS = 1000;

export async function sendUpdateState(
  updates: Promise<UpdateControl>,
  isBrief: boolean,
  response: ServerResponse,
): Promise<void> {
  const state = (await updates).state();
  sendJson(response, 200, isBrief ? briefOf(state) : state);
}

/** `action`: what comes after /v1/update/. `updates` is loaded while the device starts. */
export async function routeUpdate(
  updates: Promise<UpdateControl>,
  action: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  switch (action) {
    case 'trial': {
      const body = await readJson(request, readTrialRequest);
      const begin = await (await updates).startTrial(body);
      sendJson(response, 202, (await updates).state());
      return begin();
    }
    case 'checks': {
      const checks = await readJson(request, readChecks);
      (await updates).takeChecks(checks);
      response.writeHead(204).end();
      return;
    }
    case 'confirm': {
      const body = await readJson(request, readConfirm);
      await (await updates).confirm(body);
      return sendJson(response, 200, (await updates).state());
    }
    case 'rollback': {
      const who = await readJson(request, (body) => body.field('who').text(TEXT));
      (await updates).rollBack(who);
      return sendJson(response, 202, (await updates).state());
    }
    default:
      throw new ApiRefusal('no-such-address', `There is no "/v1/update/${action}"`);
  }
}

function readTrialRequest(body: UntrustedValue): TrialRequest {
  return {
    slot: body.field('slot').oneOf(SLOTS),
    buildId: body.field('buildId').text(BUILD_ID),
    mode: body.field('mode').oneOf(['live', 'reboot']),
    confirmBy: body.field('confirmBy').oneOf(['client', 'device']),
    who: body.field('who').text(TEXT),
    changedApps: readApps(body.field('changedApps')),
    unchangedApps: readKnownApps(body.field('unchangedApps')),
    unhealthyApps: readKnownApps(body.field('unhealthyApps')),
    ...readNewest(body.field('newestSignedAtSec')),
  };
}

function readNewest(value: UntrustedValue): Pick<TrialRequest, 'newestSignedAtSec'> {
  return value.isAbsent ? {} : { newestSignedAtSec: value.integer(0, MAX_TIME_SEC) };
}

function readApps(names: UntrustedValue): string[] {
  return names.items(MAX_APPS).map((name) => name.text(APP_NAME));
}

function readKnownApps(names: UntrustedValue): string[] {
  return names.isAbsent ? [] : readApps(names);
}

function readChecks(body: UntrustedValue): TrialCheck[] {
  return body.items(MAX_CHECKS).map((check) => ({
    name: check.field('name').text(TEXT),
    problem: check.field('problem').orNull((problem) => problem.text(TEXT)),
  }));
}

function readConfirm(body: UntrustedValue): ConfirmTrial {
  return { buildId: body.field('buildId').text(BUILD_ID), who: body.field('who').text(TEXT) };
}
