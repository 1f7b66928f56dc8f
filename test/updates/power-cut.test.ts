// The power goes during an update, at every moment that matters: what is left of the disk always starts the old build
// or the new one, and /perm has lost nothing. A real update is recorded once (support/power-cut/), then cut again and
// again without a machine; of some of the disks that come out, a machine is booted.
// `node scripts/power-cuts.ts` tries many more cuts, and takes its time.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { QmpClient } from '../../src/host/vm/qmp.ts';
import { eventually } from '../support/appliance.ts';
import { SLOTS } from '../../src/shared/slots.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/host-board.ts';
import type { CutPolicy } from '../support/power-cut/recorded-disk.ts';
import { recordUpdates, type Recording, WORDS } from '../support/power-cut/record-update.ts';
import {
  type CutReport,
  describeReport,
  saveCut,
  SHORT_PLAN,
  tryPowerCuts,
} from '../support/power-cut/try-cuts.ts';
import { requireTool } from '../support/require-tool.ts';
import { DID_NOT_COME_UP, UpdateLab } from '../support/update-lab.ts';

test('an update that is cut off at any moment leaves a device that starts', async (t) => {
  for (const tool of [HOST_BOARD.qemuSystem, 'fsck.fat', 'e2fsck', 'debugfs']) {
    if (!requireTool(t, tool)) return;
  }
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  t.after(() => rmSync(scratchDirectory, { recursive: true, force: true }));
  // The second one restarts the device first, as it has to after a live switch.
  const record = (): Promise<Recording> => recordUpdates(t, HOST_BOARD_ID, ['live', 'reboot']);
  const recording = await record().catch((error: unknown) => {
    if (!DID_NOT_COME_UP.test(String(error))) throw error;
    t.diagnostic(`second try after: ${String(error)}`);
    return record();
  });
  const reports: CutReport[] = [];
  for (const update of recording.updates) {
    const report = await tryPowerCuts(update, { ...SHORT_PLAN, scratchDirectory });
    t.diagnostic(describeReport(report));
    assert.deepEqual(report.failures, []);
    reports.push(report);
  }
  const [live, reboot] = reports as [CutReport, CutReport];
  const diskPath = join(scratchDirectory, 'cut.img');
  const cuts: BootedCut[] = [
    { index: 0, cut: middleOf(live.writes.boot) + 1, policy: { kind: 'torn', seed: 2 }, isNew: false },
    { index: 0, cut: live.commit! + 1, policy: { kind: 'last' }, isNew: true },
    { index: 1, cut: middleOf(reboot.writes.root) + 1, policy: { kind: 'torn', seed: 1 }, isNew: false },
  ];
  for (const cut of cuts) await bootCut(recording, cut, diskPath);
});

interface BootedCut {
  /** Of the update. */
  index: number;
  cut: number;
  policy: CutPolicy;
  isNew: boolean;
}

async function bootCut({ lab, updates }: Recording, booted: BootedCut, diskPath: string): Promise<void> {
  const { index, cut, policy, isNew } = booted;
  const update = updates[index]!;
  saveCut(update, cut, policy, diskPath);
  await lab.boot({ diskPath });
  const { running, committed, trial } = await lab.updateStatus();
  const { buildId } = await lab.runningBuild();
  const slot = isNew ? SLOTS.find((other) => other !== update.slot) : update.slot;
  const expected = [isNew ? update.newBuildId : update.oldBuildId, slot, slot];
  assert.deepEqual([buildId, running, committed], expected, `update ${index + 1} cut before write ${cut}`);
  assert.equal(trial, null);
  const { word } = await eventually('the app', () => lab.speaker());
  assert.equal(word, WORDS[isNew ? index + 1 : index]);
  assert.equal((await lab.status()).system.perm.state, 'mounted');
  assert.equal(await lab.powerOff(), 'powered-off');
}

function middleOf(numbers: readonly number[]): number {
  return numbers[Math.floor(numbers.length / 2)]!;
}

const BLOB_BYTES = 24 * 2 ** 20;

test('an update that a power cut has broken off goes on where it was', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const lab = await UpdateLab.make(t, HOST_BOARD_ID);
  await lab.boot();
  const before = await lab.runningBuild();
  // Nothing of it can be compressed, and nothing of it is on the device.
  writeFileSync(join(lab.directory, 'blob'), randomBytes(BLOB_BYTES));
  lab.speak({ word: 'two' });
  lab.configureSpeaker({ include: [{ from: './blob', to: 'blob' }] });

  const client = lab.follow(['update']);
  const written = await bytesWritten(lab);
  await eventually('half of the update to be written', async () => {
    const isHalf = (await bytesWritten(lab)) - written > BLOB_BYTES / 2;
    return isHalf || client.exitCode !== null;
  });
  assert.equal(client.exitCode, null, client.stdout + client.stderr);
  await lab.kill();
  await client.kill();

  await lab.boot();
  assert.deepEqual(await lab.runningBuild(), before);
  const second = await lab.update();
  t.diagnostic(`sent after the cut: ${second.bytesSent} of about ${BLOB_BYTES} bytes`);
  assert.equal(second.outcome, 'confirmed');
  assert.ok(second.bytesSent < BLOB_BYTES * 0.75);
  assert.equal((await lab.speaker()).word, 'two');
});

/** To the disk, since the machine was started. */
async function bytesWritten(lab: UpdateLab): Promise<number> {
  const client = await QmpClient.connect(lab.machine.qmpSocketPath);
  try {
    const drives = (await client.execute('query-blockstats')) as {
      device: string;
      stats: { wr_bytes: number };
    }[];
    return drives.find(({ device }) => device === 'disk')!.stats.wr_bytes;
  } finally {
    client.close();
  }
}
