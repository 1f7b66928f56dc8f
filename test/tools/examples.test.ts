// The examples that are published programs, from npm's registry or its cache: built, started where nothing but their own files
// is, used as a person uses them, started again. `node scripts/try-examples.ts` does the same with those that have to be
// built first, and builds all for the other architecture too.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { EXAMPLE_CASES } from '../support/examples/example-cases.ts';
import { mayUseExamples } from '../support/examples/requirements.ts';
import { buildExample, tryHere } from '../support/examples/try-here.ts';
import { copyExample } from '../support/machines/appliance.ts';
import { HOST_BOARD_ID } from '../support/machines/host-board.ts';

// One after another: an adapter that lives in this process does not answer in time while it builds another example.
suite('an example', () => {
  for (const [name, what] of [
    [
      'zigbee2mqtt',
      'a thermometer joins by a scripted adapter, and what it reports is published, after a restart too',
    ],
    ['homebridge', 'the bridge is found by multicast DNS, paired, used, and still paired after a restart'],
    ['node-red', 'a flow is deployed over HTTP, and answers after a restart'],
  ] as const) {
    test(`${name}: ${what}`, async (t) => {
      if (!mayUseExamples(t)) return;
      const example = EXAMPLE_CASES[name]?.();
      if (example === undefined) throw new Error(`There is no case for ${name}`);
      const { directory } = await copyExample(t, name, HOST_BOARD_ID);
      const scratch = mkdtempSync(join(tmpdir(), `tsk-used-${name}-`));
      t.after(() => rmSync(scratch, { recursive: true, force: true }));
      const builds = await buildExample(directory, example, HOST_BOARD_ID);
      t.diagnostic(await tryHere(t, example, { directory, builds, scratch }));
    });
  }
});
