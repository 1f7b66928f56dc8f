// Updates that must not stay: `tsk update` says why it did not, the device is back on the build before by itself,
// and remembers what it was.

import assert from 'node:assert/strict';
import type { UpdateOutcome } from '../../../src/shared/update/update-state.ts';
import { eventually } from '../machines/appliance.ts';
import type { CommandLine } from '../cli/command-line.ts';
import { DID_NOT_COME_UP, type UpdateLab } from './update-lab.ts';

export interface ExpectedFailure {
  outcome: Exclude<UpdateOutcome, 'confirmed'>;
  reason: RegExp;
  /** Whose last lines are kept, and something in them; absent: there need not be any. */
  lastLines?: { of: string; text: RegExp };
  mode: 'live' | 'reboot';
  /** Whose `tsk update` it is; absent: ours. */
  from?: CommandLine;
}

/** Runs `tsk update` until it gives up, and looks at what is left. */
export async function updateFails(lab: UpdateLab, expected: ExpectedFailure): Promise<void> {
  const before = await lab.runningBuild();
  let client = lab.follow(['update'], expected.from);
  let code = await client.ended;
  if (DID_NOT_COME_UP.test(client.stderr) && !expected.reason.test(client.stderr)) {
    lab.diagnose(`second try after: ${client.stderr}`);
    client = lab.follow(['update'], expected.from);
    code = await client.ended;
  }
  assert.equal(code, 1, client.stdout + client.stderr);
  assert.match(client.stderr, expected.reason);
  const head = expected.outcome === 'did not start' ? /is back on build/ : /rolled back to build/;
  assert.match(client.stderr, head);
  await isBack(lab, before, expected);
}

/** The device runs `before` again, all of it, and tells why. */
export async function isBack(
  lab: UpdateLab,
  before: Awaited<ReturnType<UpdateLab['runningBuild']>>,
  expected: ExpectedFailure,
): Promise<void> {
  const { history, trial, committed, running } = await eventually('the record of the trial', async () => {
    const status = await lab.updateStatus();
    return status.trial === null && status;
  });
  assert.deepEqual(await lab.runningBuild(), before);
  assert.deepEqual([running, committed, trial], [before.slot, before.slot, null]);
  const [last] = history;
  assert.deepEqual([last?.outcome, last?.mode], [expected.outcome, expected.mode]);
  assert.match(last?.reason ?? '', expected.reason);
  if (expected.lastLines) {
    assert.equal(last?.lastLines?.of, expected.lastLines.of);
    assert.match(last?.lastLines?.lines.join('\n') ?? '', expected.lastLines.text);
  }
  assert.match(await lab.tsk(['status']), expected.reason);
  const { word } = await eventually('the app of the old build', () => lab.speaker());
  assert.equal(word, 'one');
}
