// Every fuzz target for less than a second. `npm run fuzz -- NAME` runs one for longer.

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runTarget } from '../fuzz/run-target.ts';
import { TARGETS } from '../fuzz/targets.ts';

const SECONDS = 0.4;
/** What is kept here is to be looked at, so it is not removed when something fails. */
const failuresDirectory = join(tmpdir(), 'tsk-fuzz');

for (const name of Object.keys(TARGETS)) {
  test(`${name} takes or refuses whatever it is given`, async () => {
    const { inputs, failure } = await runTarget(name, { seconds: SECONDS, failuresDirectory });
    assert.equal(failure, undefined);
    assert.ok(inputs > 0);
  });
}
