import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { UpdateRecord } from '../../../shared/update/update-state.ts';
import { RecordingSys } from '../../../../test/support/init/recording-sys.ts';
import { makeEnding, type PendingTrial } from './trial/pending-trial.ts';
import { addRecord, readTrialMemory, type TrialMemory, writeTrialMemory } from './trial-memory.ts';

const name = fc.string({ minLength: 1, maxLength: 40 });
const time = fc.integer({ min: 0, max: 8.64e15 });
const reason = {
  reason: fc.option(fc.string({ maxLength: 200 })),
  lastLines: fc.option(fc.record({ of: name, lines: fc.array(fc.string(), { maxLength: 20 }) })),
};
const common = {
  id: name,
  mode: fc.constantFrom('live' as const, 'reboot' as const),
  who: name,
  fromBuildId: name,
};
const pending: fc.Arbitrary<PendingTrial> = fc.record({
  ...common,
  slot: fc.constantFrom('a' as const, 'b' as const),
  buildId: name,
  confirmBy: fc.constantFrom('client' as const, 'device' as const),
  changedApps: fc.array(name, { maxLength: 5 }),
  askedAtMs: time,
  askedBootId: fc.string({ maxLength: 40 }),
  before: fc.record({
    network: fc.record({ ipv4: fc.boolean(), ipv6: fc.boolean() }),
    waiting: fc.array(name, { maxLength: 5 }),
    unwell: fc.array(fc.record({ name, why: name, isExcused: fc.boolean() }), { maxLength: 3 }),
  }),
  startedBootId: fc.option(name),
  ending: fc.option(fc.record({ atMs: time, ...reason })),
  isSecondTry: fc.boolean(),
  returns: fc.nat(),
  newestSignedAtSec: fc.nat(),
});
const record: fc.Arbitrary<UpdateRecord> = fc.record({
  ...common,
  startedAtMs: time,
  endedAtMs: time,
  toBuildId: name,
  toSlot: fc.constantFrom('a' as const, 'b' as const),
  outcome: fc.constantFrom('confirmed' as const, 'rolled back' as const, 'did not start' as const),
  ...reason,
  stillUnwell: fc.array(name, { maxLength: 3 }),
  bootId: fc.option(name),
});
const memory: fc.Arbitrary<TrialMemory> = fc.record({
  pending: fc.option(pending),
  history: fc.array(record, { maxLength: 20 }),
  newestSignedAtSec: fc.nat(),
});

test('what is remembered of trials is read as it was written', () => {
  using sys = new RecordingSys();
  fc.assert(
    fc.property(memory, (written) => {
      writeTrialMemory(sys, written);
      assert.deepEqual(readTrialMemory(sys), JSON.parse(JSON.stringify(written)));
    }),
    { seed: 5, numRuns: 30 },
  );
});

test('of a device that was never updated nothing is remembered', () => {
  using sys = new RecordingSys();
  assert.deepEqual(readTrialMemory(sys), { pending: null, history: [] });
});

test('the newest signing time is that of what was confirmed, and of nothing else', () => {
  const [trial] = fc.sample(pending, { seed: 1, numRuns: 1 });
  assert.ok(trial);
  const end = { bootId: null, ...makeEnding(null, 0) };
  const of = (outcome: 'confirmed' | 'rolled back', newestSignedAtSec?: number) =>
    addRecord(
      { pending: null, history: [], newestSignedAtSec: 100 },
      { ...withoutTime(trial), ...(newestSignedAtSec !== undefined && { newestSignedAtSec }) },
      { outcome, ...end },
    ).newestSignedAtSec;
  assert.equal(of('confirmed', 200), 200);
  assert.equal(of('rolled back', 200), 100);
  // One that was permitted to be older.
  assert.equal(of('confirmed', 50), 50);
  // A way back, or a note of an older build.
  assert.equal(of('confirmed'), 100);
});

function withoutTime({ newestSignedAtSec: _time, ...trial }: PendingTrial): PendingTrial {
  return trial;
}
