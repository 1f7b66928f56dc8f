// The power goes while examples/fastify-sqlite counts visits: all that it writes is recorded, on the ext4 of this computer's
// kernel, and cut off at 50 moments that are drawn. What had not been flushed by then is there, is not, or is there in part.
// Each time the database is whole, and knows every visit that had been answered.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { EXAMPLE_CASES } from '../support/examples/example-cases.ts';
import { Lan } from '../support/examples/lan.ts';
import { answersAt, askOf } from '../support/examples/place.ts';
import { mayUseExamples } from '../support/examples/requirements.ts';
import { installApp, runApp } from '../support/examples/run-app.ts';
import { buildExample } from '../support/examples/try-here.ts';
import { copyExample } from '../support/machines/appliance.ts';
import { HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { savePerm, takeFiles } from '../support/power-cut/check-files.ts';
import { type CutPolicy, RecordedDisk, seededRandom } from '../support/power-cut/recorded-disk.ts';
import { RecordedVolume } from '../support/power-cut/recorded-volume.ts';
import { nextFlush } from '../support/power-cut/try-cuts.ts';
import { WriteLog } from '../support/power-cut/write-log.ts';
import { requireTool } from '../support/require-tool.ts';

const CUTS = 50;
const VISITS = 100;
const SEED = 20261129;
const START_LIMIT_MS = 180_000;
const POLICIES = ['all', 'none', 'last', 'subset', 'torn'] as const;

/** How far the log was when the answer came. */
interface Answered {
  count: number;
  loggedBytes: number;
}

test('rows of SQLite that were answered for survive 50 power cuts', async (t) => {
  const tools = ['qemu-storage-daemon', 'mkfs.ext4', 'e2fsck', 'debugfs'];
  if (!mayUseExamples(t) || !tools.every((name) => requireTool(t, name))) return;
  const scratch = mkdtempSync(join(tmpdir(), 'tsk-database-cuts-'));
  const root = join(scratch, 'root');
  const volume = await RecordedVolume.mount(t, scratch, join(root, 'perm'));
  t.after(() => rmSync(scratch, { recursive: true, force: true }));
  const { directory } = await copyExample(t, 'fastify-sqlite', HOST_BOARD_ID);
  execFileSync('npm', ['ci', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund'], {
    cwd: directory,
    stdio: 'ignore',
  });
  const example = EXAMPLE_CASES['fastify-sqlite']?.();
  assert.ok(example);
  const [built] = await buildExample(directory, example, HOST_BOARD_ID);
  assert.ok(built);
  installApp(built, root);
  const lan = Lan.create(t);
  const app = runApp(built, root, lan);
  const answered: Answered[] = [];
  try {
    await answersAt({ lan }, example.port, START_LIMIT_MS);
    for (let visit = 0; visit < VISITS; visit++) {
      const response = await askOf({ lan }, example.port)('/', { method: 'POST' });
      const { count } = (await response.json()) as { count: number };
      answered.push({ count, loggedBytes: volume.loggedBytes });
    }
  } finally {
    await app.stop();
  }
  await volume.end();
  await cutOften(volume, answered, scratch);
});

async function cutOften(
  volume: RecordedVolume,
  answered: readonly Answered[],
  scratch: string,
): Promise<void> {
  const log = WriteLog.open(volume.logPath);
  const disk = new RecordedDisk(volume.imagePath, log);
  const begunBytes = answered[0]?.loggedBytes ?? 0;
  const first = log.entries.findIndex(({ endOfLogBytes }) => endOfLogBytes > begunBytes);
  const random = seededRandom(SEED);
  const moments = Array.from(
    { length: CUTS },
    () => first + Math.floor(random() * (log.entries.length - first)),
  );
  const counts = new Set<number>();
  for (const [index, end] of moments.toSorted((a, b) => a - b).entries()) {
    while (nextFlush(log, disk) < end && disk.advance());
    const policy = policyOf(index);
    const loggedBytes = log.entries[end - 1]?.endOfLogBytes ?? 0;
    const least = answered.findLast((each) => each.loggedBytes <= loggedBytes)?.count ?? 0;
    const whole = { offsetBytes: 0, lengthBytes: disk.sizeBytes };
    await savePerm(disk.cut(end, policy), whole, join(scratch, 'cut.img'));
    await takeFiles(join(scratch, 'cut.img'), ['/visits/visits.db', '/visits/visits.db-wal'], scratch);
    const count = countIn(join(scratch, 'visits.db'));
    const what = `entry ${end} of ${log.entries.length}, ${policy.kind}: ${least} answered, ${count} there`;
    // One more may have been written, and not answered yet.
    assert.ok(count === least || count === least + 1, what);
    counts.add(count);
  }
  disk.close();
  log.close();
  assert.ok(counts.size > CUTS / 5, `the cuts are at different moments: ${[...counts].join(', ')}`);
}

function policyOf(index: number): CutPolicy {
  const kind = POLICIES[index % POLICIES.length] ?? 'none';
  return kind === 'subset' || kind === 'torn' ? { kind, seed: SEED + index } : { kind };
}

/** SQLite goes on with what is in the write-ahead log. */
function countIn(path: string): number {
  const database = new DatabaseSync(path);
  try {
    assert.deepEqual({ ...database.prepare('PRAGMA integrity_check').get() }, { integrity_check: 'ok' });
    return Number(database.prepare('SELECT count FROM visits').get()?.['count']);
  } finally {
    database.close();
  }
}
