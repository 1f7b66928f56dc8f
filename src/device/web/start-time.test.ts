import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { StartTime } from '../../shared/api/web-api.ts';
import { noteStart } from './start-time.ts';

/** What is noted where the boot loader's variable has this value. */
function noted(t: TestContext, variable?: string): { path: string; time: StartTime } {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-start-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const [path, loaderTime] = [join(directory, 'start.json'), join(directory, 'variable')];
  if (variable !== undefined)
    writeFileSync(loaderTime, Buffer.concat([Buffer.from([6, 0, 0, 0]), Buffer.from(variable, 'utf16le')]));
  noteStart({ path, loaderTime });
  return { path, time: JSON.parse(readFileSync(path, 'utf8')) as StartTime };
}

test('noteStart: from the reset to the kernel, as the boot loader tells, and from there to the page', (t) => {
  const { time } = noted(t, '8250000\0');
  assert.equal(time.beforeKernelSec, 8.25);
  assert.ok(time.untilPageSec > 0);
});

test('noteStart: what nobody tells, or nobody can believe, is not known', (t) => {
  for (const variable of [undefined, '', '0\0', 'x\0', '99999999999\0'])
    assert.equal(noted(t, variable).time.beforeKernelSec, null, variable ?? 'none');
});

test('noteStart: the first one counts, as long as the device runs', (t) => {
  const { path, time } = noted(t);
  noteStart({ path });
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), time);
});
