// npm run check: the fast gate. Formatting, lint with types, types, unit tests and simulated boots; no
// reference tools, no virtual machines.

import { globSync } from 'node:fs';
import { runStep, type Step } from './run-step.ts';
import { tierFiles } from './tiers.ts';

const steps: Step[] = [
  { name: 'format', command: 'oxfmt', args: ['--check'] },
  { name: 'types', command: 'tsc', args: [] },
  { name: 'types of the web page', command: 'tsc', args: ['-p', 'src/web-ui'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware'] },
  {
    name: 'unit tests and simulated boots',
    command: 'node',
    args: [
      '--disable-warning=ExperimentalWarning',
      '--test',
      '--test-reporter=dot',
      ...tierFiles('unit'),
      ...tierFiles('init'),
    ],
  },
];

const available = steps.filter(
  (step) => !step.args.includes('src/web-ui') || globSync('src/web-ui/tsconfig.json').length > 0,
);
// Side by side: each of them leaves a core idle for part of its time.
const codes = await Promise.all(available.map((step) => runStep(step)));
process.exitCode = codes.every((code) => code === 0) ? 0 : 1;
