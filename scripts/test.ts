// npm test [-- TIER ...] [--only PATTERN]: all tests, or those of some tiers. Boots run one after the other, in
// a run of their own: two emulated machines on two cores starve each other. Machines that are updated run two at a
// time, because most of an update is waiting whether it is well. The sum of all runs comes last.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findTool } from '../test/support/require-tool.ts';
import { needsComponents, type Tier, tierFiles, TIERS } from './tiers.ts';

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

interface Counts {
  pass: number;
  fail: number;
  skipped: number;
}

/** A hang is a failure, not the end of CI; an emulated boot test on a busy machine takes minutes. */
const TEST_TIMEOUT_MS = 15 * 60 * 1000;

function runTests(files: readonly string[], concurrency: number): Counts {
  if (files.length === 0) return { pass: 0, fail: 0, skipped: 0 };
  const directory = mkdtempSync(join(tmpdir(), 'tsk-tests-'));
  const tap = join(directory, 'tap');
  try {
    const { status } = spawnSync(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        '--test',
        `--test-concurrency=${concurrency}`,
        `--test-timeout=${TEST_TIMEOUT_MS}`,
        '--test-reporter=spec',
        '--test-reporter-destination=stdout',
        '--test-reporter=tap',
        `--test-reporter-destination=${tap}`,
        ...(values.only === undefined ? [] : [`--test-name-pattern=${values.only}`]),
        ...files,
      ],
      { stdio: 'inherit' },
    );
    const counts = readCounts(readFileSync(tap, 'utf8'));
    // The runner itself may fail where no test did.
    return status !== 0 && counts.fail === 0 ? { ...counts, fail: 1 } : counts;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Out of the comments that end the runner's TAP. */
function readCounts(tap: string): Counts {
  const count = (name: string): number => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1] ?? 0);
  return { pass: count('pass'), fail: count('fail') + count('cancelled'), skipped: count('skipped') };
}

/** A kernel is a Go module, and this project knows no address of a module proxy. */
const hasKernel =
  findTool('go') !== undefined ||
  process.env['GOPROXY'] !== undefined ||
  process.env['REQUIRE_TOOLS'] === '1';
const leftOut: string[] = [];

function filesOf(chosen: readonly Tier[]): string[] {
  const files = chosen.flatMap(tierFiles);
  if (hasKernel) return files;
  leftOut.push(...files.filter(needsComponents));
  return files.filter((file) => !needsComponents(file));
}

const started = performance.now();
const ofMachines: readonly Tier[] = ['boot', 'updates'];
const runs = [
  runTests(filesOf(tiers.filter((tier) => !ofMachines.includes(tier))), 2),
  runTests(filesOf(tiers.filter((tier) => tier === 'boot')), 1),
  runTests(filesOf(tiers.filter((tier) => tier === 'updates')), 2),
];
const sum = (name: keyof Counts): number => runs.reduce((total, run) => total + run[name], 0);
console.log(`\nAll tiers in ${Math.round((performance.now() - started) / 1000)} s:`);
console.log(`${sum('pass')} passed, ${sum('fail')} failed, ${sum('skipped')} skipped`);
if (leftOut.length > 0) {
  console.log(
    `Left out, because Go is not installed and GOPROXY is not set, so that there is no kernel: ${leftOut.length} files that build images`,
  );
}
process.exitCode = sum('fail') === 0 ? 0 : 1;
