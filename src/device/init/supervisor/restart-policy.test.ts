import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterExit, describeExit, restartDelayMs } from './restart-policy.ts';

const clean = { code: 0, signal: null };
const failure = { code: 1, signal: null };
const crash = { code: null, signal: 'SIGSEGV' };
const noRestart = { code: 125, signal: null };

test('afterExit follows the policy', () => {
  const table = [
    ['always', 'restart', 'restart', 'restart'],
    ['on-failure', 'stopped', 'restart', 'restart'],
    ['never', 'stopped', 'failed', 'failed'],
  ] as const;
  for (const [policy, afterClean, afterFailure, afterCrash] of table) {
    assert.equal(afterExit(policy, clean), afterClean, policy);
    assert.equal(afterExit(policy, failure), afterFailure, policy);
    assert.equal(afterExit(policy, crash), afterCrash, policy);
  }
});

test('afterExit stops a service that exits with 125, whatever the policy', () => {
  for (const policy of ['always', 'on-failure', 'never'] as const) {
    assert.equal(afterExit(policy, noRestart), 'stopped');
  }
});

test('restartDelayMs doubles from a second to a minute', () => {
  const delays = [0, 1, 2, 3, 4, 5, 6, 7, 100].map((failures) => restartDelayMs(failures, 0.5));
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
});

test('restartDelayMs varies by a fifth both ways', () => {
  assert.equal(restartDelayMs(0, 0), 800);
  assert.equal(restartDelayMs(0, 1), 1200);
});

test('describeExit says how a process ended', () => {
  assert.deepEqual(
    [clean, failure, crash].map((exit) => describeExit(exit)),
    ['exited', 'exited with code 1', 'killed by SIGSEGV'],
  );
  assert.equal(describeExit({ code: null, signal: 'SIGKILL' }, 'too large'), 'killed: too large');
});
