// npm test [-- TIER ...] [--only PATTERN]: all tests, or those of some tiers, in one run of node's test
// runner, whose summary comes last. Boots are serial: two emulated machines on two cores starve each other.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { type Tier, tierFiles, TIERS } from './tiers.ts';

const { values, positionals } = parseArgs({
  options: { only: { type: 'string' } },
  allowPositionals: true,
});
const unknown = positionals.find((name) => !(TIERS as readonly string[]).includes(name));
if (unknown !== undefined) {
  console.error(`There is no tier "${unknown}": the tiers are ${TIERS.join(', ')}`);
  process.exit(1);
}
const tiers = positionals.length > 0 ? (positionals as Tier[]) : TIERS;
const files = tiers.flatMap((tier) => tierFiles(tier));

const result = spawnSync(
  process.execPath,
  [
    '--disable-warning=ExperimentalWarning',
    '--test',
    '--test-concurrency=2',
    // A hang is a failure, not the end of CI; an emulated boot test on a busy machine takes minutes.
    `--test-timeout=${15 * 60 * 1000}`,
    ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
    ...files,
  ],
  { stdio: 'inherit' },
);
process.exitCode = result.status ?? 1;
