import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { test } from 'node:test';
import { findImageTests, quickFiles, tierFiles, TIERS } from './tiers.ts';

test('every test file belongs to one tier', () => {
  const all = globSync(['{bench,bin,scripts,src,test}/**/*.test.ts', 'tools/*/*.test.ts']);
  assert.deepEqual(TIERS.flatMap(tierFiles).toSorted(), all.toSorted());
});

test('the fast gate leaves out what is slow, and real children of init', () => {
  const unit = quickFiles('unit');
  assert.ok(unit.includes('src/formats/gpt.test.ts'));
  assert.deepEqual(
    tierFiles('unit').filter((file) => !unit.includes(file)),
    globSync('{src,scripts}/**/*.slow.test.ts').toSorted(),
  );
  assert.ok(quickFiles('init').includes('test/init/001-first-boot.test.ts'));
  assert.ok(!quickFiles('init').includes('test/init/service.test.ts'));
});

test('the tests that build images are found by what they import', async () => {
  const some = ['tools/flash', 'tools/components', 'programs/update', 'boot/panic', 'updates/roll-back'];
  const others = ['tools/dhcp', 'tools/squashfs', 'programs/cli', 'browser/updates', 'init/001-first-boot'];
  const files = [...some, ...others].map((name) => `test/${name}.test.ts`);
  assert.deepEqual(await findImageTests(files), files.slice(0, some.length));
});
