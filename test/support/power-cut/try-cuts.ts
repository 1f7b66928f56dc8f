// Cuts the power at every write boundary of a recorded update that matters, and looks at what is left of the disk
// each time. Deterministic: what is tried depends on the recording and the plan's seed alone.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Extent } from '../../../src/formats/fat/tree.ts';
import { BOOT_PARTITION, PERM_PARTITION } from '../../../src/shared/board/disk-layout.ts';
import { otherSlot, type Slot, SLOT_PARTITION, SLOTS } from '../../../src/shared/board/slots.ts';
import { DiskChecker } from './check-disk.ts';
import { checkPerm, checkWithFsckFat, type PermFile } from './check-files.ts';
import { type CutPolicy, type DiskState, RecordedDisk, seededRandom } from './recorded-disk.ts';
import type { RigBoard } from './rig-board.ts';
import { findCommit, findForbiddenWrites, writeRules } from './written-sectors.ts';
import { type LogEntry, WriteLog } from './write-log.ts';

/** An update that was confirmed, and all that was written meanwhile. */
export interface RecordedUpdate {
  board: RigBoard;
  /** The disk before the first write of the log. */
  imagePath: string;
  logPath: string;
  /** Of the log when the update began, when the new slot was complete, and after its confirmation. */
  begunBytes: number;
  installedBytes: number;
  endBytes: number;
  /** Whoever signed both builds: 32 bytes. */
  publicKey: Uint8Array;
  /** The slot that ran, and builds before and after. */
  slot: Slot;
  oldBuildId: string;
  newBuildId: string;
  /** Was on the disk before the update began. */
  permFile: PermFile;
}

export interface CutPlan {
  seed: number;
  /** At each cut: so many draws of whole writes, and of sectors. */
  subsets: number;
  torn: number;
  /** Share of the writes to root partitions and to /perm before and after which to cut; of those to p1 and GPT: all. */
  rootShare: number;
  permShare: number;
  /** Share of the cuts that the reference tools look at, too. */
  fsckShare: number;
  scratchDirectory: string;
}

/** Takes half a minute. */
export const SHORT_PLAN: Omit<CutPlan, 'scratchDirectory'> = {
  seed: 20261123,
  subsets: 2,
  torn: 4,
  rootShare: 1,
  permShare: 0.05,
  fsckShare: 0.015,
};
/** Every write of /perm, too, and more draws. */
export const LONG_PLAN: typeof SHORT_PLAN = {
  ...SHORT_PLAN,
  subsets: 20,
  torn: 40,
  permShare: 1,
  fsckShare: 0.01,
};

export interface CutReport {
  /** States of the disk that were looked at. */
  cutPoints: number;
  /** Numbers of the writes before and after which the power was cut. */
  writes: Readonly<Record<Region, readonly number[]>>;
  /** Number of the write that commits the update. */
  commit: number | undefined;
  fsckRuns: number;
  /** One line each, the first hundred. */
  failures: readonly string[];
  cutFailures: number;
}

type Region = 'tables' | 'boot' | 'root' | 'perm';
const MAX_FAILURES = 100;

export async function tryPowerCuts(update: RecordedUpdate, plan: CutPlan): Promise<CutReport> {
  const log = WriteLog.open(update.logPath, update.endBytes);
  const disk = new RecordedDisk(update.imagePath, log);
  try {
    const begun = log.entries.findIndex((entry) => entry.endOfLogBytes > update.begunBytes);
    while (nextFlush(log, disk) < begun && disk.advance());
    const atBegin = disk.cut(begun, { kind: 'all' });
    const checker = await DiskChecker.of(atBegin, update.board, update.publicKey);
    const rules = await writeRules(atBegin, checker, update.slot);
    const commit = findCommit(log, begun, rules);
    const trial = new CutTrial({ log, disk, checker, update, plan, begun, commit });
    if (commit === undefined) trial.fail('nothing commits the update');
    for (const problem of findForbiddenWrites(log, begun, rules, commit)) trial.fail(problem);
    do await trial.trySegment(nextFlush(log, disk));
    while (disk.advance());
    return trial.report;
  } finally {
    disk.close();
    log.close();
  }
}

/** The disk after one cut, as a file to boot from. */
export function saveCut(update: RecordedUpdate, cut: number, policy: CutPolicy, path: string): void {
  const log = WriteLog.open(update.logPath);
  const disk = new RecordedDisk(update.imagePath, log);
  try {
    while (nextFlush(log, disk) < cut && disk.advance());
    disk.cut(cut, policy).save(path, 0, disk.sizeBytes);
  } finally {
    disk.close();
    log.close();
  }
}

/** "1540 power cuts, at 40 root writes, ...; 0 failures". */
export function describeReport({ cutPoints, writes, fsckRuns, cutFailures }: CutReport): string {
  const at = Object.entries(writes).map(([region, numbers]) => `${numbers.length} ${region}`);
  return `${cutPoints} power cuts around writes (${at.join(', ')}), ${fsckRuns} checked by fsck: ${cutFailures} failures`;
}

/** Number of the flush that makes sure of what is not flushed; without one, that of the log's end. */
export function nextFlush({ entries }: WriteLog, { flushed }: RecordedDisk): number {
  const index = entries.findIndex((entry, number) => number >= flushed && entry.kind === 'flush');
  return index < 0 ? entries.length : index;
}

interface TrialParts {
  log: WriteLog;
  disk: RecordedDisk;
  checker: DiskChecker;
  update: RecordedUpdate;
  plan: CutPlan;
  /** Numbers of the first write of the update, and of the one that commits it. */
  begun: number;
  commit: number | undefined;
}

class CutTrial {
  readonly report = {
    cutPoints: 0,
    writes: { tables: [], boot: [], root: [], perm: [] } as Record<Region, number[]>,
    commit: undefined as number | undefined,
    fsckRuns: 0,
    failures: [] as string[],
    cutFailures: 0,
  };
  readonly #parts: TrialParts;
  readonly #random: () => number;

  constructor(parts: TrialParts) {
    this.#parts = parts;
    this.#random = seededRandom(parts.plan.seed);
    this.report.commit = parts.commit;
  }

  fail(problem: string): void {
    this.report.cutFailures += 1;
    if (this.report.failures.length < MAX_FAILURES) this.report.failures.push(problem);
  }

  /** All cuts between the last flush and the next, which is number `end`. */
  async trySegment(end: number): Promise<void> {
    const { disk, log, begun } = this.#parts;
    const first = Math.max(begun, disk.flushed);
    if (first > end) return;
    await this.#tryCut(first, [{ kind: 'none' }]);
    const cuts = new Set<number>();
    for (let number = first; number < end; number++) {
      const region = this.#regionOf(log.entries[number]!);
      if (this.#random() >= this.#shareOf(region)) continue;
      this.report.writes[region].push(number);
      cuts.add(number).add(number + 1);
    }
    for (const cut of cuts) await this.#tryCut(cut, this.#policies());
  }

  #policies(): CutPolicy[] {
    const { subsets, torn } = this.#parts.plan;
    const seed = (): number => Math.floor(this.#random() * 2 ** 32);
    return [
      { kind: 'all' },
      { kind: 'last' },
      ...Array.from({ length: subsets }, (): CutPolicy => ({ kind: 'subset', seed: seed() })),
      ...Array.from({ length: torn }, (): CutPolicy => ({ kind: 'torn', seed: seed() })),
    ];
  }

  #shareOf(region: Region): number {
    const { rootShare, permShare } = this.#parts.plan;
    return { tables: 1, boot: 1, root: rootShare, perm: permShare }[region];
  }

  #regionOf(entry: LogEntry): Region {
    if (entry.kind === 'flush') return 'tables';
    const { checker } = this.#parts;
    const holds = ({ offsetBytes, lengthBytes }: Extent): boolean =>
      entry.offsetBytes >= offsetBytes && entry.offsetBytes < offsetBytes + lengthBytes;
    if (holds(checker.partition(BOOT_PARTITION))) return 'boot';
    if (holds(checker.partition(PERM_PARTITION))) return 'perm';
    return SLOTS.some((slot) => holds(checker.partition(SLOT_PARTITION[slot]))) ? 'root' : 'tables';
  }

  async #tryCut(cut: number, policies: readonly CutPolicy[]): Promise<void> {
    for (const policy of policies) {
      this.report.cutPoints += 1;
      const state = this.#parts.disk.cut(cut, policy);
      try {
        await this.#examine(state, cut);
        if (this.#random() < this.#parts.plan.fsckShare) await this.#examineWithTools(state);
      } catch (error) {
        const { message } = error as Error;
        const which = 'seed' in policy ? `${policy.kind} ${policy.seed}` : policy.kind;
        this.fail(`cut before write ${cut}, ${which} of what was not flushed: ${message}`);
      }
    }
  }

  async #examine(state: DiskState, cut: number): Promise<void> {
    const { checker, update, disk, commit = Infinity, log } = this.#parts;
    const { committed, buildId } = await checker.check(state);
    const isOld = committed === update.slot && buildId === update.oldBuildId;
    const isNew = committed !== update.slot && buildId === update.newBuildId;
    assert.ok(isOld || isNew, `slot ${committed} with build ${buildId} is neither the old nor the new state`);
    assert.ok(isOld || cut > commit, 'the new build starts before it was committed');
    assert.ok(isNew || disk.flushed <= commit, 'the old build starts although the new one was committed');
    // With its mark, the other slot may be tried, or gone back to: it must be whole.
    const other = otherSlot(committed);
    if (await checker.isMarked(state, other)) await checker.checkSlot(state, other);
    const last = log.entries[disk.flushed - 1];
    if (last === undefined || last.endOfLogBytes < update.installedBytes) return;
    // From here on it is tried, whatever is cut.
    const tried = otherSlot(update.slot);
    assert.equal(await checker.checkSlot(state, tried), update.newBuildId, 'build in the slot on trial');
  }

  async #examineWithTools(state: DiskState): Promise<void> {
    const { checker, plan, update } = this.#parts;
    this.report.fsckRuns += 1;
    await checkWithFsckFat(state, checker.partition(BOOT_PARTITION), join(plan.scratchDirectory, 'boot.img'));
    const scratch = join(plan.scratchDirectory, 'perm.img');
    await checkPerm(state, checker.partition(PERM_PARTITION), update.permFile, scratch);
  }
}
