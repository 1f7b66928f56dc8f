import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, test } from 'node:test';
import { describeSecondTries, TestReport } from './test-report.ts';

test('a file that fails is out of the sums for its second try, however it ended', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tskrazy-report-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const write = (name: string, text: string): string => {
    writeFileSync(join(directory, name), `import test from 'node:test';\n${text}`);
    return join(directory, name);
  };
  const files = [
    write('well.mjs', "test('well', () => {});\ntest('left', { skip: 'no tool' }, () => {});"),
    write(
      'half.mjs',
      "test('well', () => {});\ntest('bad', () => { throw new Error('one\\ntwo'); });\ntest('left', { skip: 'no tool' }, () => {});",
    ),
    write('dies.mjs', "process.kill(process.pid, 'SIGKILL');"),
  ];
  const report = new TestReport();
  // Without this, a runner inside of a runner runs nothing.
  const context = process.env['NODE_TEST_CONTEXT'];
  delete process.env['NODE_TEST_CONTEXT'];
  const stream = run({ files });
  if (context !== undefined) process.env['NODE_TEST_CONTEXT'] = context;
  report.follow(stream);
  for await (const _event of stream);
  assert.deepEqual(report.counts, { pass: 2, fail: 2, skipped: 2 });
  assert.deepEqual(report.describeSkipped(), ['2 skipped: no tool']);
  const failed = report.failedAmong(files);
  assert.equal(describeSecondTries(failed, directory), 'half.mjs: bad: one\ndies.mjs: test failed');
  for (const each of failed) report.forget(each);
  assert.deepEqual([report.counts, report.failedAmong(files)], [{ pass: 1, fail: 0, skipped: 1 }, []]);
  assert.deepEqual(report.describeSkipped(), ['1 skipped: no tool']);
});
