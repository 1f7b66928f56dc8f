// Why an update cannot be, and what to do about it.

import { shortBuildId } from '../../../shared/manifest/short-build-id.ts';
import type { RefusalCode } from '../../../shared/api/refusals.ts';
import type { SessionView, UpdateStatus } from '../../../shared/update/update-api.ts';
import type { Trial } from '../../../shared/update/update-state.ts';
import { RefusalError } from '../../devices/refusal-error.ts';
import { UserError } from '../../user-error.ts';

/** `14:30`, by this computer's zone. */
export function clockTime(timeMs: number): string {
  const time = new Date(timeMs);
  return [time.getHours(), time.getMinutes()].map((value) => String(value).padStart(2, '0')).join(':');
}

export function noPassword(hostname: string): UserError {
  return new UserError(
    `Cannot update "${hostname}": it has no password, so nobody may change anything on it`,
    {
      hint: 'Write its disk anew with "tsk flash": an image of this instance has the password of ".tskrazy/password".',
    },
  );
}

export function otherBoard(hostname: string, device: string, image: string): UserError {
  return new UserError(`Cannot update "${hostname}": it is a ${device}, and the image is for ${image}`, {
    topic: 'image-refused',
    hint: `Is it the right device? If it is, set "board" to "${device}" in tskrazy.json.`,
  });
}

export function otherName(device: string, image: string): UserError {
  return new UserError(`Cannot update "${device}": the image is for "${image}"`, {
    topic: 'image-refused',
    hint: 'Is it the right device? If it is to be renamed, add --allow-rename.',
  });
}

export function untrustedKeys(
  hostname: string,
  trusted: readonly string[],
  signing: readonly string[],
): UserError {
  if (trusted.length === 0) {
    return new UserError(
      `Cannot update "${hostname}": the image that it runs trusts no key, so it takes no updates`,
      {
        topic: 'untrusted-key',
        hint: 'Write its disk once more, with "tsk flash".',
      },
    );
  }
  return new UserError(
    `Cannot update "${hostname}": it trusts ${nameKeys(trusted)}; this instance signs with ${nameKeys(signing)}`,
    {
      topic: 'untrusted-key',
      hint:
        'It was built on another computer. Copy .tskrazy/update-key.pem from there, or have that one update it once with the\n' +
        'key of this one ("tsk key show") in "update.trustedKeys". See docs/update-keys.md.',
    },
  );
}

export function olderImage(hostname: string, signedAtSec: number, newestSec: number): UserError {
  return new UserError(
    `Cannot update "${hostname}": the image is signed at ${utcTime(signedAtSec)}, and the newest that it has confirmed at ${utcTime(newestSec)}`,
    {
      topic: 'image-refused',
      hint: "Is this computer's clock right? If so, and you mean it, add --allow-downgrade.",
    },
  );
}

export function anotherTrial(hostname: string, trial: Trial, clockSkewMs: number): UserError {
  const since = clockTime(trial.startedAtMs + clockSkewMs);
  return new UserError(
    `Cannot update "${hostname}": it tries build ${shortBuildId(trial.buildId)} since ${since}, asked for by ${trial.who}`,
    {
      topic: 'update-busy',
      hint:
        `Wait until that is confirmed, or rolled back, which happens by itself at ${clockTime(trial.deadlineAtMs + clockSkewMs)}.\n` +
        '"tsk rollback" ends it now.',
    },
  );
}

/** 409 or 422 in answer to an update; `status` is from before. */
export function refusedUpdate(
  error: RefusalError,
  hostname: string,
  status: UpdateStatus,
  signing: readonly string[],
  clockSkewMs: number,
): UserError {
  const { code, body, statusCode } = error;
  if (code === 'update-busy' && body.session) return busy(hostname, body.session, clockSkewMs);
  if (code === 'image-signature') return untrustedKeys(hostname, status.trustedKeyIds, signing);
  if (statusCode !== 422) return error;
  const hint = code === undefined ? undefined : REFUSAL_HINTS[code];
  return new UserError(error.message, {
    topic: 'image-refused',
    hint: `${hint ?? ''}Nothing on it has changed.`,
  });
}

const REFUSAL_HINTS: Partial<Record<RefusalCode, string>> = {
  'image-manifest':
    'The device may be too old for this tsk: update it with an older one first, or write it with "tsk flash". ',
  'image-clock': 'It has to know the time: see "tsk status", and "time" in tskrazy.json. ',
  'image-hostname': 'If it is to be renamed, add --allow-rename. ',
  'image-layout':
    'Make the image smaller, or write the disk anew with "tsk flash", which makes its partitions as they are now. ',
  'image-older': 'If you mean it, add --allow-downgrade. ',
  'image-future': 'Set the clock that is wrong, or add --allow-downgrade. ',
};

function busy(hostname: string, session: SessionView, clockSkewMs: number): UserError {
  const since = clockTime(session.startedAtMs + clockSkewMs);
  return new UserError(
    `Cannot update "${hostname}": ${session.client} does so since ${since} (build ${shortBuildId(session.buildId)})`,
    {
      topic: 'update-busy',
      hint: 'Wait until they are done. A session that nothing is heard of ends by itself after half a minute.',
    },
  );
}

export function lostForGood(hostname: string, limitMs: number, cause: unknown): UserError {
  return new UserError(`Cannot go on with the update of "${hostname}": no answer for ${minutes(limitMs)}`, {
    cause,
    hint: 'It runs as before. "tsk update" goes on from here: what has arrived is not sent again.',
  });
}

export function notBack(hostname: string, limitMs: number, cause: unknown): UserError {
  return new UserError(`Cannot see "${hostname}" come back: no answer for ${minutes(limitMs)}`, {
    topic: 'not-back',
    cause,
    hint:
      'A build that does not start is rolled back by itself: look again with "tsk status". If it stays away, look at its\n' +
      'screen or serial console.',
  });
}

function minutes(ms: number): string {
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} minutes`;
}

function nameKeys(ids: readonly string[]): string {
  return `${ids.length === 1 ? 'key' : 'keys'} ${ids.join(', ')}`;
}

function utcTime(sec: number): string {
  return `${new Date(sec * 1000).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
