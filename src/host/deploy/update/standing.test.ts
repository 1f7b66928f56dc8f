import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeStanding, interrupted } from './standing.ts';
import { clockTime } from './update-problems.ts';

const builds = { buildId: '7f3a99e01c2d55', fromBuildId: '91cc3a21b0f466' };

test('describeStanding says what runs, and what to do', () => {
  const rollsBackAtMs = Date.UTC(2026, 10, 23, 14, 30);
  const byClient = describeStanding('garden', { at: 'trial', ...builds, rollsBackAtMs, confirmBy: 'client' });
  assert.equal(
    byClient.message,
    `garden tries build 7f3a99e01c2d, and goes back to build 91cc3a21b0f4 by itself at ${clockTime(rollsBackAtMs)} unless that is confirmed`,
  );
  assert.match(byClient.hint, /"tsk update" again .* "tsk rollback" to end it/);
  const byDevice = describeStanding('garden', {
    at: 'trial',
    ...builds,
    rollsBackAtMs: null,
    confirmBy: 'device',
  });
  assert.equal(byDevice.message, 'garden tries build 7f3a99e01c2d, and confirms it by itself if all is well');
  assert.match(describeStanding('garden', { at: 'restarting' }).message, /restarts with what it runs now/);
  assert.match(
    describeStanding('garden', { at: 'asked', ...builds }).message,
    /may be about to try build 7f3a99e01c2d/,
  );
  assert.match(
    describeStanding('garden', { at: 'going back', toBuildId: builds.fromBuildId }).message,
    /was asked to go back to build 91cc3a21b0f4/,
  );
  assert.match(
    describeStanding('garden', { at: 'receiving', isInstalled: true }).message,
    /has the new build in its other slot, and runs as before/,
  );
});

test('interrupted has the reason of the signal as its cause, by which it is known for what it is', () => {
  const reason = new Error('Interrupted');
  const error = interrupted('garden', { at: 'untouched' }, AbortSignal.abort(reason));
  assert.equal(error.message, 'Interrupted: nothing on garden has changed');
  assert.equal(error.cause, reason);
});
