// npm run check: the fast gate. Formatting, lint with types, types, the unit tests that are quick and simulated boots; no
// reference tools, no virtual machines.

import { mkdtempSync, rmSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { runStep, type Step } from './run-step.ts';
import { quickFiles } from './tiers.ts';

const steps: Step[] = [
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'types', command: 'tsc', args: remembering('types') },
  { name: 'types of the web page', command: 'tsc', args: ['-p', 'src/web-ui', ...remembering('web-ui')] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware'] },
  { name: 'dead code', command: 'knip', args: ['--cache'] },
  testStep('unit tests', quickFiles('unit')),
  testStep('simulated boots', quickFiles('init')),
];

/** Where little has changed since the last time, the types take a fifth of the processor time. */
function remembering(name: string): string[] {
  return ['--incremental', '--tsBuildInfoFile', `node_modules/.cache/tsc/${name}.json`];
}

/** In one process each: starting a process per file would cost more than the tests themselves. */
function testStep(name: string, files: readonly string[]): Step {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    // Collecting garbage less often is a tenth of the time.
    '--max-semi-space-size=64',
    '--test',
    '--test-reporter=dot',
    '--test-timeout=60000',
    '--test-isolation=none',
  ];
  return { name, command: 'node', args: [...flags, ...files] };
}

const MEMORY_DISK = '/dev/shm';
const NEEDED_BYTES = 1024 ** 3;

/** Files of tests lie in memory where there is room: most of a simulated boot would be waiting for the disk. */
function makeTemporaryDirectory(): string | undefined {
  try {
    const { bavail, bsize } = statfsSync(MEMORY_DISK);
    return bavail * bsize > NEEDED_BYTES ? mkdtempSync(`${MEMORY_DISK}/tsk-check-`) : undefined;
  } catch {
    return undefined;
  }
}

const directory = makeTemporaryDirectory();
const env = {
  ...process.env,
  // The types and lint are programs in Go: collecting garbage is a third of their time.
  GOGC: 'off',
  GOMEMLIMIT: '2GiB',
  // What Node.js makes of a file of TypeScript does for the next run.
  NODE_COMPILE_CACHE: path.resolve('node_modules/.cache/node'),
  ...(directory === undefined ? {} : { TMPDIR: directory }),
};
try {
  // Side by side: each of them leaves a core idle for part of its time.
  const codes = await Promise.all(steps.map((step) => runStep({ ...step, env })));
  process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
} finally {
  if (directory !== undefined) rmSync(directory, { recursive: true, force: true });
}
