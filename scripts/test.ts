// npm test [-- TIER ...] [--only PATTERN] [--long]: all tests, or those of some tiers; with the long variants, too. Those of
// the fast gate come first, in one process, as in the gate. Machines that are booted or updated have a run of their own at the
// end. The sum of all runs comes last, with the tests that took longest.

import { spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { readIfExists } from '../src/device/read-if-exists.ts';
import { TSK_FOR_TESTS } from '../test/support/tsk-program.ts';
import { LONG_TESTS } from '../test/support/long-variants.ts';
import { findTool } from '../test/support/require-tool.ts';
import { bundleTskForTests } from './bundle-tsk.ts';
import { parseOptions, usageError } from './parse-options.ts';
import { describeSecondTries, describeSlowest, TestReport } from './test-report.ts';
import { findImageTests, quickFiles, type Tier, tierFiles, TIERS } from './tiers.ts';

const USAGE = 'npm test [-- TIER... --only PATTERN --long]';
const { values, positionals } = parseOptions(
  {
    options: { only: { type: 'string' }, long: { type: 'boolean', default: false } },
    allowPositionals: true,
  },
  USAGE,
);
const unknown = positionals.find((name) => !(TIERS as readonly string[]).includes(name));
if (unknown !== undefined)
  usageError(USAGE, `There is no tier "${unknown}": the tiers are ${TIERS.join(', ')}`);
const tiers = positionals.length > 0 ? (positionals as Tier[]) : TIERS;
if (values.long) process.env[LONG_TESTS] = '1';

/** A hang is a failure, not the end of CI. The longest files take six minutes, and four times that on a slow day. */
const TEST_TIMEOUT_MS = 30 * 60 * 1000;

/**
 * Files at once. An emulated machine keeps one processor busy and takes a GiB of memory: many at once only make each of
 * them late. test/updates/roll-back.test.ts has two, which mostly wait.
 */
const MACHINES_AT_ONCE = Math.min(6, availableParallelism());
/** Of all other files: they wait for children, disks and limits of time for a good part. */
const OTHERS_AT_ONCE = availableParallelism() + 1;
/** For the program that is run first in each file's process. */
const KEEPS_COMPILED = `
  import { enableCompileCache } from 'node:module';
  enableCompileCache(${JSON.stringify(resolve('node_modules/.cache/node'))});
`;
const SHOWN_SLOWEST = 10;
/**
 * Files of machines that get a second try, and are named at the end: an emulated kernel panics and an emulated network goes
 * silent once in some ten to fifty boots. More at once is no chance.
 */
const MOST_BY_CHANCE = 2;

const report = new TestReport();

interface TestRun {
  files: readonly string[];
  /** Absent: all in this process, one after another. */
  atOnce?: number;
}

async function runTests({ files, atOnce }: TestRun): Promise<void> {
  if (files.length === 0) return;
  const flags = [
    '--disable-warning=ExperimentalWarning',
    `--import=data:text/javascript,${encodeURIComponent(KEEPS_COMPILED)}`,
  ];
  const stream = run({
    files: [...files],
    timeout: TEST_TIMEOUT_MS,
    ...(atOnce === undefined ? { isolation: 'none' } : { concurrency: atOnce, execArgv: flags }),
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

/** Of machines, what takes longest, in this order before all others: at the end no processor is to wait for the last. */
const LONGEST = [
  'boot/raspberry-pi',
  'updates/roll-back',
  'updates/update',
  'boot/isolation',
  'boot/bad-input',
  'boot/wifi',
];

function rankOf(file: string): number {
  const index = LONGEST.findIndex((name) => file === `test/${name}.test.ts`);
  return index < 0 ? LONGEST.length : index;
}

/** Where `ip netns` keeps namespaces, which it makes a mount at the first one and leaves so. */
const NAMESPACES = '/run/netns';

function hasNamespaces(): boolean {
  return readIfExists('/proc/self/mountinfo')?.includes(` ${NAMESPACES} `) === true;
}

process.env[TSK_FOR_TESTS] = await bundleTskForTests('node_modules/.cache/tsk-for-tests');
const hadNamespaces = hasNamespaces();
const started = performance.now();
const ofMachines: readonly Tier[] = ['updates', 'boot'];
const quick = tiers.flatMap(quickFiles);
await runTests({ files: quick });
const others = await filesOf(tiers.filter((tier) => !ofMachines.includes(tier)));
const machineFiles = await filesOf(ofMachines.filter((tier) => tiers.includes(tier)));
await runTests({ files: others.filter((file) => !quick.includes(file)), atOnce: OTHERS_AT_ONCE });
await runTests({
  files: machineFiles.toSorted((one, other) => rankOf(one) - rankOf(other)),
  atOnce: MACHINES_AT_ONCE,
});
const failedOnce = report.failedAmong(machineFiles);
const triedTwice = failedOnce.length <= MOST_BY_CHANCE ? failedOnce : [];
for (const failed of triedTwice) report.forget(failed);
await runTests({ files: triedTwice.map(({ file }) => file), atOnce: 1 });
// Is refused where somebody has a namespace by now.
if (!hadNamespaces && hasNamespaces()) spawnSync('umount', [NAMESPACES]);
const { pass, fail, skipped } = report.counts;
console.log(`\nThe slowest tests, each without those inside it:`);
console.log(describeSlowest(report.slowest(SHOWN_SLOWEST), process.cwd()));
console.log(`\nAll tiers in ${Math.round((performance.now() - started) / 1000)} s:`);
console.log(`${pass} passed, ${fail} failed, ${skipped} skipped`);
for (const line of report.describeSkipped()) console.log(line);
if (triedTwice.length > 0) {
  console.log(`Files of emulated machines that got a second try, and what failed at the first:`);
  console.log(describeSecondTries(triedTwice, process.cwd()));
}
if (leftOut.length > 0) {
  console.log(
    `Left out, because Go is not installed and GOPROXY is not set, so that there is no kernel: ${leftOut.length} files that build images`,
  );
}
process.exitCode = fail === 0 ? 0 : 1;
