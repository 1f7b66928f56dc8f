import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { COURSE_TABLE, type CourseEvent, stepCourse } from './course.ts';
import { describeStanding, type Standing } from './standing.ts';

const builds = { buildId: '7f3a99e01c2d55', fromBuildId: '91cc3a21b0f466' };
const TRIAL = { type: 'trial', ...builds, rollsBackAtMs: null, confirmBy: 'client' } as const;
const EVENTS: readonly CourseEvent[] = [
  { type: 'restart' },
  { type: 'back' },
  { type: 'session' },
  { type: 'installed' },
  { type: 'asked', ...builds },
  { type: 'not begun' },
  { type: 'going back', toBuildId: builds.fromBuildId },
  TRIAL,
  { type: 'over' },
];

function run(...events: CourseEvent[]): Standing {
  return events.reduce<Standing>(stepCourse, { at: 'untouched' });
}

test('stepCourse: an update from its first byte to its end', () => {
  const sent: CourseEvent[] = [{ type: 'restart' }, { type: 'back' }, { type: 'session' }];
  assert.deepEqual(run(...sent), { at: 'receiving', isInstalled: false });
  const asked: CourseEvent[] = [...sent, { type: 'installed' }, { type: 'asked', ...builds }];
  assert.deepEqual(run(...asked), { at: 'asked', ...builds });
  assert.deepEqual(run(...asked, { type: 'not begun' }), { at: 'receiving', isInstalled: true });
  const { type: _type, ...trial } = TRIAL;
  assert.deepEqual(run(...asked, TRIAL), { at: 'trial', ...trial });
  assert.deepEqual(run(...asked, TRIAL, { type: 'over' }), { at: 'untouched' });
});

function nameOf(standing: Standing): string {
  return standing.at === 'receiving' && standing.isInstalled ? 'installed' : standing.at;
}

test('stepCourse goes by its table, and a trial is not forgotten before it is over', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 }), (events) => {
      let standing: Standing = { at: 'untouched' };
      for (const event of events) {
        const before = nameOf(standing);
        standing = stepCourse(standing, event);
        const expected = COURSE_TABLE[before as keyof typeof COURSE_TABLE][event.type] ?? before;
        assert.equal(nameOf(standing), expected);
        if (before === 'trial') assert.equal(expected, event.type === 'over' ? 'untouched' : 'trial');
        assert.ok(describeStanding('garden', standing).hint.length > 0);
        seen.add(before);
      }
    }),
    { seed: 3, numRuns: 200 },
  );
  assert.deepEqual([...seen].toSorted(), Object.keys(COURSE_TABLE).toSorted());
});
