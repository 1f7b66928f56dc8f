import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  FAULTY,
  type Result,
  TrialWorld,
  UNWELL,
  WELL,
} from '../../../../../test/support/init/trial-world.ts';
import type { ConfirmBy, SwitchMode } from '../../../../shared/update/update-state.ts';
import { TRIAL_TABLE } from './machine.ts';
import type { TrialEvent } from './state.ts';

const slot = fc.constantFrom('a' as const, 'b' as const);
const mode = fc.constantFrom('live' as const, 'reboot' as const);
const confirmBy = fc.constantFrom('client' as const, 'device' as const);
const result = fc.constantFrom<Result>('done', 'done', 'failed', 'failed, but done');

/** One thing that happens to a device. */
type Act =
  | { ask: SwitchMode; confirmBy: ConfirmBy }
  /** All the way from the question to the trial, without a hitch. */
  | { try: SwitchMode; confirmBy: ConfirmBy }
  | { look: keyof typeof REPORTS; ms: number }
  | { settle: Result }
  | { fault: (typeof FAULTS)[number]; is: boolean }
  | { confirm: keyof typeof REPORTS }
  | { take: TrialEvent }
  | 'answer'
  | 'recall'
  | 'go down'
  | 'power cut';

const REPORTS = { well: WELL, unwell: UNWELL, faulty: FAULTY };
const FAULTS = ['isPermFull', 'isPermBroken', 'isLoaderUnreadable', 'firmwareForgets'] as const;

function weigh(weight: number, arbitrary: fc.Arbitrary<Act>): fc.WeightedArbitrary<Act> {
  return { weight, arbitrary };
}

const act: fc.Arbitrary<Act> = fc.oneof(
  weigh(4, fc.record({ ask: mode, confirmBy })),
  weigh(6, fc.record({ try: mode, confirmBy })),
  weigh(
    8,
    fc.record({
      look: fc.constantFrom(
        'well' as const,
        'well' as const,
        'well' as const,
        'unwell' as const,
        'faulty' as const,
      ),
      ms: fc.constantFrom(1000, 6000, 31_000, 301_000),
    }),
  ),
  weigh(10, fc.record({ settle: result })),
  weigh(4, fc.constant('recall')),
  weigh(4, fc.constant('go down')),
  weigh(2, fc.constant('power cut')),
  weigh(3, fc.constant('answer')),
  weigh(4, fc.record({ confirm: fc.constantFrom('well' as const, 'unwell' as const) })),
  weigh(2, fc.record({ fault: fc.constantFrom(...FAULTS), is: fc.boolean() })),
  ...(
    [
      { type: 'roll back', who: 'the page' },
      { type: 'not supervised', problem: 'a bug' },
      { type: 'going down', why: 'power button' },
    ] as const
  ).map((event) => weigh(1, fc.constant({ take: event }))),
);

function perform(world: TrialWorld, does: Act): void {
  if (does === 'answer') world.answer();
  else if (does === 'recall') world.recall();
  else if (does === 'power cut') world.boot();
  else if (does === 'go down') {
    if (world.state === 'leaving') world.boot();
  } else if ('ask' in does) world.ask(does.ask, does.confirmBy);
  else if ('try' in does) world.try(does.try, does.confirmBy);
  else if ('look' in does) world.look(REPORTS[does.look], does.ms);
  else if ('settle' in does) world.settle(does.settle);
  else if ('fault' in does) world[does.fault] = does.is;
  else if ('confirm' in does) world.confirm(REPORTS[does.confirm]);
  else world.take(does.take);
}

/** Every so often a slot's kernel is gone from the start. */
const history = fc.record({
  gone: fc.option(slot, { freq: 4 }),
  acts: fc.array(act, { maxLength: 60, size: 'max' }),
});

test('whatever happens, a device has a slot to start, and tells what came of each trial', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(history, ({ gone, acts }) => {
      const world = new TrialWorld(seen);
      acts.forEach((each, index) => {
        if (index === 20) world.gone = gone;
        perform(world, each);
      });
      // Twice: what was unreadable is read at the next start.
      world.comeToRest();
      world.boot();
      world.comeToRest();
      assert.equal(world.running, world.committed);
      tellsOfEach(world);
    }),
    { seed: 9, numRuns: 2000 },
  );
  const listed = Object.entries(TRIAL_TABLE).flatMap(([from, { on }]) =>
    Object.entries(on).flatMap(([event, ends]) => ends.map((to) => `${from}, ${event}: ${to}`)),
  );
  assert.deepEqual(
    listed.filter((way) => !seen.has(way)),
    [],
  );
});

test('docs/updates.md shows the table', () => {
  const rows = Object.entries(TRIAL_TABLE).map(([name, { means, on }]) => {
    const ways = Object.entries(on)
      .map(([event, ends]) => ({ event, ends: ends.filter((end) => end !== name) }))
      .filter(({ ends }) => ends.length > 0)
      .map(({ event, ends }) => `${event} → ${ends.join(' / ')}`);
    return `| **${name}** | ${means} | ${ways.join('; ')} |`;
  });
  const table = ['| state | the device | goes on to |', '|---|---|---|', ...rows].join('\n');
  const docs = readFileSync(new URL('../../../../../docs/updates.md', import.meta.url), 'utf8');
  assert.ok(docs.includes(`\n${table}\n`), `docs/updates.md has to contain\n${table}`);
});

/** As far as it could be noted. */
function tellsOfEach({ witness, history, gone }: TrialWorld): void {
  const ids = history.map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const id of witness.accepted) {
    if (witness.untold.has(id)) continue;
    const record = history.find((each) => each.id === id);
    const reason = witness.reasons.get(id);
    assert.ok(record !== undefined, `nothing is known of ${id}`);
    if (record.outcome === 'rolled back' && reason !== undefined) assert.equal(record.reason, reason);
    if (record.outcome === 'confirmed' && reason !== undefined)
      assert.ok(witness.isDiskDoubtful || gone !== null, `${id} was rolled back, and is confirmed`);
  }
}
