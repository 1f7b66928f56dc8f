// Updates as they should go, by the real command line: without a restart, with the restart that comes due after one,
// with a restart because the system changes, and back by hand. What they wrote is then cut off at any moment.
// `node scripts/power-cuts.ts` tries many more cuts, and takes its time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/machines/appliance.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { surviveCuts } from '../support/power-cut/survive-cuts.ts';
import { UpdateRecording } from '../support/power-cut/update-recording.ts';
import { requireTool } from '../support/require-tool.ts';
import { refusesDamagedChunks, refusesOldAndForeign } from '../support/updates/refusals-on-device.ts';
import { tamperedRequests } from '../support/updates/tampered-requests.ts';
import { UPDATE_API, type UpdateRefused } from '../../src/shared/update/update-api.ts';
import { UpdateLab } from '../support/updates/update-lab.ts';

test('updates go live, by a restart, and back', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const lab = await UpdateLab.make(t, HOST_BOARD_ID, { kernelArgs: UNGUARDED });
  const recording = await UpdateRecording.start(lab);
  await eventually('the app', () => lab.speaker());

  await t.test('tampered with, replayed, crossed, cut or bombed, they are refused', () => refusesAll(lab));
  await t.test('only the app that changed is started anew', () => recording.during(() => goesLive(lab)));
  await t.test('then the device restarts before it takes a change of the system', () =>
    recording.during(() => restartsFirst(lab)),
  );
  await t.test('an identical build changes nothing', () => isUnchanged(lab));
  await t.test('the build before comes back by hand', () => goesBack(lab));
  assert.equal(await lab.powerOff(), 'powered-off');
  await t.test('cut off at any moment, they leave a device that starts', async (t) => {
    for (const tool of ['fsck.fat', 'e2fsck', 'debugfs']) if (!requireTool(t, tool)) return;
    await surviveCuts(t, recording, ['one', 'two', 'three']);
  });
});

async function refusesAll(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'two' });
  const before = await lab.updateStatus();
  const pids = await Promise.all(['keeper', 'web', 'net'].map((name) => lab.servicePid(name)));
  const image = await lab.buildSigned();
  const signed = { manifest: image.manifest, signatures: image.sign(Math.floor(Date.now() / 1000)) };
  for (const { what, ...sent } of tamperedRequests(signed)) {
    const request = { client: { id: 'stranger', name: 'stranger' }, ...sent, allowDowngrade: true };
    const { status, body } = await lab.page.post(UPDATE_API.update, request);
    assert.equal(status, 422, `${what}: ${body}`);
    assert.equal((JSON.parse(body) as UpdateRefused).reason, 'signature', `${what}: ${body}`);
  }
  await refusesOldAndForeign(lab);
  await refusesDamagedChunks(lab);
  assert.deepEqual(await lab.updateStatus(), before);
  assert.deepEqual(await Promise.all(['keeper', 'web', 'net'].map((name) => lab.servicePid(name))), pids);
  assert.equal((await lab.speaker()).word, 'one');
}

async function goesLive(lab: UpdateLab): Promise<void> {
  const [keeper, speaker] = [await lab.servicePid('keeper'), await lab.servicePid('speaker')];
  lab.speak({ word: 'two' });
  const { outcome, mode, bytesSent, plan } = await lab.update();
  assert.deepEqual([outcome, mode], ['confirmed', 'live']);
  assert.deepEqual(plan?.changes, { system: [], apps: [{ name: 'speaker', change: 'changed' }] });
  assert.ok(bytesSent < 512 * 1024, `${bytesSent} bytes sent for one line`);
  assert.equal((await lab.speaker()).word, 'two');
  assert.equal(await lab.servicePid('keeper'), keeper);
  assert.notEqual(await lab.servicePid('speaker'), speaker);
  const { running, appsFrom, committed } = await lab.updateStatus();
  assert.deepEqual([running, appsFrom, committed], ['a', 'b', 'b']);
}

async function restartsFirst(lab: UpdateLab): Promise<void> {
  lab.configure({ kernel: { extraArgs: [...UNGUARDED, 'tskrazy.test=updated'] } });
  lab.speak({ word: 'three' });
  const text = await lab.updateInWords();
  assert.match(text, /has to restart first, for about \d+ s/);
  assert.match(text, /then a restart: the kernel command line changes/);
  assert.match(text, /^lab now runs build \w+ \(was \w+\), .* sent, .* s without service\.$/m);
  assert.equal((await lab.speaker()).word, 'three');
  const { running, appsFrom, committed, history } = await lab.updateStatus();
  assert.deepEqual([running, appsFrom, committed], ['a', null, 'a']);
  const lasted = history.filter(({ outcome }) => outcome === 'confirmed');
  assert.deepEqual(lasted.map(({ mode, outcome }) => [mode, outcome]).slice(0, 2), [
    ['reboot', 'confirmed'],
    ['live', 'confirmed'],
  ]);
  assert.match(await lab.tsk(['logs', 'kernel', '-n', '5000']), /[Cc]ommand line: .*tskrazy\.test=updated/);
}

async function isUnchanged(lab: UpdateLab): Promise<void> {
  const { outcome, bytesWritten } = await lab.update();
  assert.deepEqual([outcome, bytesWritten], ['unchanged', 0]);
}

async function goesBack(lab: UpdateLab): Promise<void> {
  assert.match(await lab.tsk(['rollback']), /^lab now runs build/m);
  assert.equal((await eventually('the app', () => lab.speaker())).word, 'two');
  const { running, committed, slots, newestSignedAtSec } = await lab.updateStatus();
  assert.deepEqual([running, committed], ['b', 'b']);
  // What was confirmed before stays the measure: in /perm, and in the slot.
  const newest = slots.a?.signedAtSec;
  assert.deepEqual([newestSignedAtSec, slots.b?.newestConfirmedSec], [newest, newest]);
  assert.ok((slots.b?.signedAtSec ?? 0) < (newest ?? 0));
  await refusesOldAndForeign(lab);
}
