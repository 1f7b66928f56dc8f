// One target in a thread of its own: makes inputs and runs them until time or number are up, or one fails. What the other side
// shares tells it which input is being run, for the case that it never ends.

import { getHeapStatistics } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { type FuzzJob, type FuzzReport, SHARED_HEAD_BYTES } from './fuzz-job.ts';
import type { Outcome } from './fuzz-target.ts';
import { flood, mutate, Random } from './mutate.ts';
import { TARGETS } from './targets.ts';

const MAX_RUN_MS = 1000;
const MAX_GROWTH_BYTES = 64 * 1024 * 1024;
const MAX_POOL = 400;
/** Longer ones are run, and not damaged further: most inputs would be as long as can be, and few of them. */
const MAX_POOL_INPUT_BYTES = 16 * 1024;
/** One input of so many is a flood. */
const FLOOD_EVERY = 2000;

const job = workerData as FuzzJob;
const target = TARGETS[job.name]!;
const head = new Int32Array(job.shared, 0, 2);
const current = new Uint8Array(job.shared, SHARED_HEAD_BYTES);

const report: FuzzReport = { inputs: 0, accepted: 0, kinds: 0, failure: undefined };
const kinds = new Set<string>();

/** A thrown error that is no verdict, or one that nobody awaited. */
function fail(problem: string, input: Uint8Array): void {
  report.failure ??= { problem, input: input.slice() };
}

async function runOne(input: Uint8Array): Promise<boolean> {
  current.set(input.subarray(0, current.length));
  Atomics.store(head, 1, input.length);
  Atomics.add(head, 0, 1);
  const before = usedBytes();
  const startedCpu = process.threadCpuUsage();
  const kind = await outcomeOf(input);
  const { user, system } = process.threadCpuUsage(startedCpu);
  report.inputs++;
  if ((user + system) / 1000 > MAX_RUN_MS)
    fail(`it took ${Math.round((user + system) / 1000)} ms of the processor`, input);
  const grown = usedBytes() - before;
  if (grown > MAX_GROWTH_BYTES) fail(`memory grew by ${Math.round(grown / 2 ** 20)} MiB`, input);
  const isNew = !kinds.has(kind);
  if (isNew) kinds.add(kind);
  return isNew;
}

async function outcomeOf(input: Uint8Array): Promise<string> {
  try {
    const outcome: Outcome = await target.run(input);
    report.accepted++;
    return `taken: ${outcome ?? ''}`;
  } catch (error) {
    if (!target.refuses(error))
      fail(error instanceof Error ? (error.stack ?? error.message) : String(error), input);
    // Numbers and quoted texts are the input's; the rest of a message tells which check it was.
    return error instanceof Error
      ? error.message.replaceAll(/"[^"]*"|\d+/g, '#').slice(0, 120)
      : String(error);
  }
}

/** Every other one of a valid input: most of the pool is refused by an early check. */
function nextInput(pool: readonly Uint8Array[], random: Random): Uint8Array {
  const input = mutate(random.below(2) === 0 ? corpus : pool, target, random);
  return random.below(FLOOD_EVERY) === 0 ? flood(input, random) : input;
}

function usedBytes(): number {
  const { used_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

process.on('unhandledRejection', (error) => fail(`nobody awaited: ${String(error)}`, lastInput()));

function lastInput(): Uint8Array {
  return current.slice(0, Math.min(current.length, Atomics.load(head, 1)));
}

const corpus = await target.corpus();
if (job.input !== undefined) await runOne(job.input);
else {
  // Each of them is valid: otherwise the inputs made of them test the first check alone.
  for (const input of corpus) {
    await runOne(input);
    if (report.accepted < report.inputs) fail('an input of the corpus is refused', input);
    if (report.failure !== undefined) break;
  }
  const pool = [...corpus];
  const random = new Random(job.seed);
  const longest = Math.max(MAX_POOL_INPUT_BYTES, ...corpus.map(({ length }) => length));
  const end = performance.now() + job.milliseconds;
  while (report.failure === undefined && report.inputs < job.inputs && performance.now() < end) {
    const input = nextInput(pool, random);
    const isNew = await runOne(input);
    if (isNew && pool.length < MAX_POOL && input.length <= longest) pool.push(input);
  }
}
report.kinds = kinds.size;
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(report);
