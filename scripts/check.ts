// npm run check: the fast gate. Formatting, lint with types, types, unit tests and simulated boots; no
// reference tools, no virtual machines.

import { runStep, type Step } from './run-step.ts';
import { tierFiles } from './tiers.ts';

/** In one process each: starting a process per file would cost more than the tests themselves. */
function shards(name: string, count: number, files: readonly string[]): Step[] {
  return Array.from({ length: count }, (_, index) => `${index + 1}/${count}`).map((shard) =>
    testStep(`${name} ${shard}`, ['--test-isolation=none', `--test-shard=${shard}`, ...files]),
  );
}

const steps: Step[] = [
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'types', command: 'tsc', args: remembering('types') },
  { name: 'types of the web page', command: 'tsc', args: ['-p', 'src/web-ui', ...remembering('web-ui')] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware'] },
  { name: 'dead code', command: 'knip', args: ['--cache'] },
  // One for each of two processors: what several of them load costs each of them anew.
  ...shards('unit tests', 2, tierFiles('unit')),
  // Most of their time they wait for children of theirs.
  ...shards('simulated boots', 3, tierFiles('init')),
];

/** Where little has changed since the last time, the types take a fifth of the processor time. */
function remembering(name: string): string[] {
  return ['--incremental', '--tsBuildInfoFile', `node_modules/.cache/tsc/${name}.json`];
}

function testStep(name: string, args: readonly string[]): Step {
  const flags = [
    '--disable-warning=ExperimentalWarning',
    // Collecting garbage less often is a tenth of the time.
    '--max-semi-space-size=64',
    '--test',
    '--test-reporter=dot',
    '--test-timeout=60000',
  ];
  return { name, command: 'node', args: [...flags, ...args] };
}

// Side by side: each of them leaves a core idle for part of its time.
const codes = await Promise.all(steps.map((step) => runStep(step)));
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
