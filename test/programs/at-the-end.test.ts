// What tests leave behind when they are interrupted: nothing, also when they are told twice, as by a signal to their group
// that the runner passes on.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';

const AT_THE_END = join(import.meta.dirname, '../support/at-the-end.ts');

test('atTheEnd comes to its end, the last first, although a second signal comes meanwhile', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-test-end-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const [begun, ended] = [join(directory, 'begun'), join(directory, 'ended')];
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', sourceOf(begun, ended)],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  child.kill('SIGTERM');
  while (!existsSync(begun)) {
    assert.equal(child.exitCode ?? child.signalCode, null, 'the process ended too soon');
    await delay(5);
  }
  child.kill('SIGTERM');
  rmSync(begun);
  assert.deepEqual(await exit, [1, null]);
  assert.equal(readFileSync(ended, 'utf8'), 'last first');
});

/** Its end goes on until `begun` is removed, and then says in `ended` in which order it came to that. */
function sourceOf(begun: string, ended: string): string {
  const paths = JSON.stringify({ begun, ended });
  return `
    import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
    import { atTheEnd } from ${JSON.stringify(AT_THE_END)};
    const { begun, ended } = ${paths};
    atTheEnd({ after() {} }, () => appendFileSync(ended, ' first'));
    atTheEnd({ after() {} }, () => {
      writeFileSync(begun, '');
      while (existsSync(begun));
      appendFileSync(ended, 'last');
    });
    console.log('it waits');
    setInterval(() => {}, 1e6);
  `;
}
