import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { findImageTests, tierFiles, TIERS } from './tiers.ts';

test('every test file belongs to one tier', () => {
  const all = globSync(['{bench,bin,scripts,src,test}/**/*.test.ts', 'tools/*/*.test.ts']);
  assert.deepEqual(TIERS.flatMap(tierFiles).toSorted(), all.toSorted());
});

test('the tests that build images are found by what they import', async () => {
  const some = ['tools/flash', 'tools/components', 'tools/update', 'boot/hello', 'updates/power-cut'];
  const others = ['tools/dhcp', 'tools/squashfs', 'programs/cli', 'browser/updates', 'init/001-first-boot'];
  const files = [...some, ...others].map((name) => `test/${name}.test.ts`);
  assert.deepEqual(await findImageTests(files), files.slice(0, some.length));
});
