// A trial from its start to its end, over two or more boots.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INIT_API } from '../../src/shared/init-api.ts';
import { RecordingSys } from '../support/recording-sys.ts';
import { TrialDevice } from '../support/trial-device.ts';

test('a trial that is well is confirmed by the client, and written down', async () => {
  using sys = new RecordingSys();
  const device = new TrialDevice(sys);
  await device.boot('a');
  const asked = await device.startTrial();
  assert.equal(asked.status, 202);
  assert.equal(await device.down(), 'restart into the trial');

  const trial = await device.boot('b');
  await device.advance(29);
  await device.advance(1);
  const confirmed = await device.ask('POST', INIT_API.updateConfirm, { buildId: 'b2', who: 'tsk' });
  assert.equal(confirmed.status, 200);
  await trial.power('restart', 'test');
});
