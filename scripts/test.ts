// npm test [-- TIER ...] [--only PATTERN]: all tests, or those of some tiers. Machines that are booted or updated come in
// a run of their own, one more at a time than there are processors: each has one emulated processor, and an update is mostly
// waiting whether it is well. The sum of all runs comes last, with the tests that took longest.

import { availableParallelism } from 'node:os';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';
import { findTool } from '../test/support/require-tool.ts';
import { describeSlowest, TestReport } from './test-report.ts';
import { findImageTests, type Tier, tierFiles, TIERS } from './tiers.ts';

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

/**
 * A hang is a failure, not the end of CI. What boots one emulated machine after the other takes ten minutes, and three
 * times that on a slow day.
 */
const TEST_TIMEOUT_MS = 30 * 60 * 1000;

/** Each emulated machine keeps one processor busy and has 512 MiB of memory: more at once only make each of them late. */
const MACHINES_AT_ONCE = Math.min(6, availableParallelism());
const SHOWN_SLOWEST = 10;

const report = new TestReport();

async function runTests(files: readonly string[], concurrency: number): Promise<void> {
  if (files.length === 0) return;
  const stream = run({
    files: [...files],
    concurrency,
    timeout: TEST_TIMEOUT_MS,
    execArgv: ['--disable-warning=ExperimentalWarning'],
    ...(values.only === undefined ? {} : { testNamePatterns: [values.only] }),
  });
  report.follow(stream);
  for await (const text of stream.compose(spec)) process.stdout.write(String(text));
}

/** A kernel is a Go module, and this project knows no address of a module proxy. */
const hasKernel =
  findTool('go') !== undefined ||
  process.env['GOPROXY'] !== undefined ||
  process.env['REQUIRE_TOOLS'] === '1';
const leftOut: string[] = [];

async function filesOf(chosen: readonly Tier[]): Promise<string[]> {
  const files = chosen.flatMap(tierFiles);
  if (hasKernel) return files;
  const ofImages = await findImageTests(files.filter((file) => file.startsWith('test/')));
  leftOut.push(...ofImages);
  return files.filter((file) => !ofImages.includes(file));
}

const started = performance.now();
/** Updates first: they take longest. */
const ofMachines: readonly Tier[] = ['updates', 'boot'];
await runTests(await filesOf(tiers.filter((tier) => !ofMachines.includes(tier))), 2);
await runTests(await filesOf(ofMachines.filter((tier) => tiers.includes(tier))), MACHINES_AT_ONCE);
const { pass, fail, skipped } = report.counts;
console.log(`\nThe slowest tests, each without those inside it:`);
console.log(describeSlowest(report.slowest(SHOWN_SLOWEST), process.cwd()));
console.log(`\nAll tiers in ${Math.round((performance.now() - started) / 1000)} s:`);
console.log(`${pass} passed, ${fail} failed, ${skipped} skipped`);
if (leftOut.length > 0) {
  console.log(
    `Left out, because Go is not installed and GOPROXY is not set, so that there is no kernel: ${leftOut.length} files that build images`,
  );
}
process.exitCode = fail === 0 ? 0 : 1;
