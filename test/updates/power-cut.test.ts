// The power goes during an update, for real: the next one goes on where it was. What a cut at any other moment leaves
// behind is tried in update.test.ts.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { QmpClient } from '../../src/host/vm/qmp.ts';
import { eventually } from '../support/machines/appliance.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { requireTool } from '../support/require-tool.ts';
import { UpdateLab } from '../support/updates/update-lab.ts';

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
