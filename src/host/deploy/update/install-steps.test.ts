import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgressReporter } from '../../progress.ts';
import { InstallSteps } from './install-steps.ts';

test('InstallSteps: what is read back behind the boot files is a step of its own, of what is left', () => {
  const said: string[] = [];
  const report: ProgressReporter = {
    start(what, totalBytes) {
      let doneBytes = 0;
      return {
        advance: (bytes) => void (doneBytes += bytes),
        tell: () => undefined,
        done: () => void said.push(`${what}: ${doneBytes} of ${totalBytes}`),
      };
    },
  };
  const steps = new InstallSteps(report);
  for (const [phase, doneBytes, totalBytes] of [
    ['root', 40, 40],
    ['check', 30, 100],
    ['check', 60, 100],
    ['boot files', 30, 30],
    ['check', 90, 100],
    ['check', 100, 100],
  ] as const)
    steps.show({ event: 'progress', phase, doneBytes, totalBytes });
  steps.end();
  assert.deepEqual(said, [
    'Writing the root image: 40 of 40',
    'Reading everything back: 60 of 100',
    'Writing the boot files: 30 of 30',
    'Reading the boot files back: 40 of 40',
  ]);
});
