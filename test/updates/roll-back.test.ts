// Updates that start but are not well: the device goes back by itself and says why. One virtual machine for all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/machines/appliance.ts';
import { isBack, updateFails } from '../support/updates/failed-updates.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { UpdateLab } from '../support/updates/update-lab.ts';

/** Longer than an emulated start and the 30 s for which all must be well. */
const TRIAL_SEC = 80;

test('an update that is not well is rolled back by the device itself', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const lab = await UpdateLab.make(t, HOST_BOARD_ID, { kernelArgs: [`tskrazy.trial-sec=${TRIAL_SEC}`] });
  await lab.boot();
  await eventually('the app', () => lab.speaker());

  await t.test('an app that crashes', () => appCrashes(lab));
  await t.test('a health URL that says 500', () => healthSays500(lab));
  await t.test('a client that never confirms', () => nobodyConfirms(lab));
  await t.test('a network that the new configuration breaks', () => networkBreaks(lab));
  await t.test('and the next good update works', () => nextWorks(lab));
});

async function appCrashes(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'two', first: `console.error('cannot go on');\nprocess.exit(7);` });
  await updateFails(lab, {
    outcome: 'rolled back',
    mode: 'live',
    reason: /app speaker exited with code 7 three times in 30 s/,
    lastLines: { of: 'speaker', text: /cannot go on/ },
  });
}

async function healthSays500(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'two', healthStatus: 500 });
  await updateFails(lab, {
    outcome: 'rolled back',
    mode: 'live',
    reason: /health of speaker.* 500/,
    lastLines: { of: 'speaker', text: /saying two/ },
  });
}

/** The laptop is closed as soon as the trial has begun. */
async function nobodyConfirms(lab: UpdateLab): Promise<void> {
  const before = await lab.runningBuild();
  lab.speak({ word: 'two' });
  const client = lab.follow(['update']);
  await eventually('the trial', async () => {
    return client.exitCode !== null || (await lab.updateStatus()).trial !== null;
  });
  assert.equal(client.exitCode, null, client.stdout + client.stderr);
  await client.kill();
  await eventually('the app on trial', async () => (await lab.speaker()).word === 'two');
  await isBack(lab, before, {
    outcome: 'rolled back',
    mode: 'live',
    reason: new RegExp(`nobody confirmed within ${TRIAL_SEC} s`),
  });
}

async function networkBreaks(lab: UpdateLab): Promise<void> {
  lab.speak({});
  lab.configure({ network: { '*': { ipv4: 'off' } } });
  await updateFails(lab, {
    outcome: 'rolled back',
    mode: 'reboot',
    reason: /network: no IPv4 address with a router/,
  });
}

async function nextWorks(lab: UpdateLab): Promise<void> {
  lab.configure({ network: {} });
  lab.speak({ word: 'two' });
  const { outcome } = await lab.update();
  assert.equal(outcome, 'confirmed');
  assert.equal((await lab.speaker()).word, 'two');
}
