// What updates cost: bytes over the wire, bytes to the disk, seconds without service, memory of the device's web server;
// and how many power cuts an update has survived. One virtual machine takes one update after the other.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { recordUpdates } from '../test/support/power-cut/update-recording.ts';
import { SHORT_PLAN, tryPowerCuts } from '../test/support/power-cut/try-cuts.ts';
import type { BoardId } from '../src/shared/board/boards.ts';
import { HOST_BOARD, HOST_BOARD_ID } from '../test/support/machines/host-board.ts';
import { ScriptContext } from '../test/support/script-context.ts';
import { UpdateLab } from '../test/support/updates/update-lab.ts';
import { type Figures, say } from './figures.ts';
import { addDependency, changeKernel, changeNode } from './update-changes.ts';

const MEMORY_SAMPLE_MS = 500;

/** A type, because those have the index signature that a row of a table needs. */
type UpdateCase = {
  case: string;
  bytesSent: number;
  bytesWritten: number;
  secondsWithoutService: number;
  mode: string;
  /** The most that the device's web server has grown by, in memory of its own. */
  webGrowthMiB: number;
};

interface Change {
  name: string;
  make: (lab: UpdateLab) => unknown;
  /** Restart the device, though it could do without. */
  forceReboot?: boolean;
  /** What comes before and is not measured: a restart that is due, or an update that gives both slots the same system. */
  before?: (lab: UpdateLab) => Promise<unknown>;
  /** The only board that it can be made for. */
  board?: BoardId;
}

const CHANGES: readonly Change[] = [
  { name: 'identical build', make: () => {} },
  { name: 'first update, empty slot', make: (lab) => lab.speak({ word: 'two' }), forceReboot: true },
  { name: 'one line of an app, restart', make: (lab) => lab.speak({ word: 'three' }), forceReboot: true },
  { name: 'one line of an app', make: (lab) => lab.speak({ word: 'four' }) },
  { name: 'dependency of an app', make: addDependency, before: restart },
  { name: 'Node.js version', make: changeNode, before: restart },
  { name: 'kernel', make: changeKernel, before: levelSlots, board: 'pc-amd64' },
];

async function restart(lab: UpdateLab): Promise<void> {
  await lab.tsk(['reboot']);
}

async function levelSlots(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'level' });
  await lab.update('--force-reboot');
}

/** gokrazy's, for any change (design.md, section 11). */
const PEER: UpdateCase = {
  case: 'gokrazy, any change',
  bytesSent: 51.5e6,
  bytesWritten: 51.5e6,
  secondsWithoutService: 18.1,
  mode: 'reboot',
  webGrowthMiB: Number.NaN,
};

export async function benchUpdate(): Promise<Figures> {
  const cases = await withContext(measureCases);
  const { cutPoints, cutFailures } = await withContext(cutPower);
  const webGrowthMiB = Math.max(...cases.map((each) => each.webGrowthMiB));
  return { board: HOST_BOARD.id, cases, peer: [PEER], webGrowthMiB, cutPoints, cutFailures };
}

async function withContext<T>(work: (context: ScriptContext) => Promise<T>): Promise<T> {
  const context = new ScriptContext(say);
  try {
    return await work(context);
  } finally {
    await context.end();
  }
}

async function measureCases(context: ScriptContext): Promise<UpdateCase[]> {
  const lab = await UpdateLab.make(context, HOST_BOARD_ID);
  await lab.boot();
  const cases: UpdateCase[] = [];
  for (const change of CHANGES) {
    if (change.board !== undefined && change.board !== HOST_BOARD_ID) {
      say(`${change.name}: can only be changed for ${change.board}`);
      continue;
    }
    await change.before?.(lab);
    await change.make(lab);
    const measured = await measureUpdate(lab, change);
    say(JSON.stringify(measured));
    cases.push(measured);
  }
  return cases;
}

async function measureUpdate(lab: UpdateLab, { name, forceReboot }: Change): Promise<UpdateCase> {
  const done = new AbortController();
  const growth = watchMemory(lab, done.signal);
  const result = await lab.update(...(forceReboot ? ['--force-reboot'] : []));
  done.abort();
  if (!['confirmed', 'unchanged'].includes(result.outcome)) throw new Error(`${name}: ${result.reason}`);
  return {
    case: name,
    bytesSent: result.bytesSent,
    bytesWritten: result.bytesWritten,
    secondsWithoutService: result.secondsWithoutService ?? 0,
    mode: result.mode ?? 'none',
    webGrowthMiB: await growth,
  };
}

/** Of the process that receives the update; another start of it has nothing to do with that. */
async function watchMemory(lab: UpdateLab, end: AbortSignal): Promise<number> {
  const before = await webMemory(lab);
  let most = before.bytes;
  while (!end.aborted) {
    const now = await webMemory(lab).catch(() => before);
    if (now.pid !== before.pid) break;
    most = Math.max(most, now.bytes);
    await delay(MEMORY_SAMPLE_MS);
  }
  return (most - before.bytes) / 2 ** 20;
}

async function webMemory(lab: UpdateLab): Promise<{ pid: number | null; bytes: number }> {
  const web = (await lab.status()).services.find(({ name }) => name === 'web');
  return { pid: web?.pid ?? null, bytes: web?.usage?.memoryBytes ?? 0 };
}

async function cutPower(context: ScriptContext): Promise<{ cutPoints: number; cutFailures: number }> {
  say('recording updates and cutting their power');
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-cuts-'));
  context.after(() => rmSync(scratchDirectory, { recursive: true, force: true }));
  const updates = await recordUpdates(context, HOST_BOARD_ID, ['live', 'reboot']);
  const sum = { cutPoints: 0, cutFailures: 0 };
  for (const update of updates) {
    const { cutPoints, cutFailures } = await tryPowerCuts(update, { ...SHORT_PLAN, scratchDirectory });
    sum.cutPoints += cutPoints;
    sum.cutFailures += cutFailures;
  }
  return sum;
}
