// Runs a fuzz target and judges: a crash is any error but the parser's own, a hang more than a second, growth more than 64 MiB.
// The input that did it is kept as a file.

import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setInterval } from 'node:timers';
import { Worker } from 'node:worker_threads';
import { type FuzzJob, type FuzzReport, SHARED_HEAD_BYTES } from './fuzz-job.ts';

const MAX_INPUT_BYTES = 256 * 1024;
/** By the clock, for what does not come back at all: on a busy computer a thread may wait for long. */
const HANG_MS = 20_000;
const MAX_HEAP_MB = 512;

export interface FuzzOptions {
  seed?: number;
  seconds?: number;
  inputs?: number;
  input?: Uint8Array;
  /** Where an input that fails is written to. */
  failuresDirectory: string;
}

export interface FuzzResult extends Omit<FuzzReport, 'failure'> {
  failure: { problem: string; path: string } | undefined;
}

export async function runTarget(name: string, options: FuzzOptions): Promise<FuzzResult> {
  const shared = new SharedArrayBuffer(SHARED_HEAD_BYTES + MAX_INPUT_BYTES);
  const scratchDirectory = mkdtempSync(join(tmpdir(), 'tsk-fuzz-'));
  const job: FuzzJob = {
    name,
    seed: options.seed ?? 1,
    milliseconds: (options.seconds ?? Infinity) * 1000,
    inputs: options.inputs ?? Infinity,
    input: options.input,
    shared,
    scratchDirectory,
  };
  const worker = new Worker(new URL('fuzz-worker.ts', import.meta.url), {
    workerData: job,
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    execArgv: ['--disable-warning=ExperimentalWarning'],
  });
  const report = await new Promise<FuzzReport>((resolve) => {
    const end = (report: FuzzReport): void => {
      clearInterval(watch);
      resolve(report);
    };
    const watch = watchRuns(shared, () => end(failed(shared, `it did not end within ${HANG_MS / 1000} s`)));
    worker.once('message', end);
    worker.once('error', (error) =>
      end(failed(shared, error instanceof Error ? (error.stack ?? error.message) : String(error))),
    );
  });
  await worker.terminate();
  rmSync(scratchDirectory, { recursive: true, force: true });
  const { failure, ...figures } = report;
  return {
    ...figures,
    failure: failure && { problem: failure.problem, path: keep(name, failure.input, options) },
  };
}

function watchRuns(shared: SharedArrayBuffer, onHang: () => void): NodeJS.Timeout {
  const head = new Int32Array(shared, 0, 2);
  let seen = 0;
  let since = performance.now();
  return setInterval(() => {
    const run = Atomics.load(head, 0);
    if (run !== seen) {
      seen = run;
      since = performance.now();
    } else if (run > 0 && performance.now() - since > HANG_MS) onHang();
  }, 500);
}

function failed(shared: SharedArrayBuffer, problem: string): FuzzReport {
  const head = new Int32Array(shared, 0, 2);
  const input = new Uint8Array(
    shared,
    SHARED_HEAD_BYTES,
    Math.min(Atomics.load(head, 1), MAX_INPUT_BYTES),
  ).slice();
  return { inputs: Atomics.load(head, 0), accepted: 0, kinds: 0, failure: { problem, input } };
}

function keep(name: string, input: Uint8Array, { failuresDirectory }: FuzzOptions): string {
  mkdirSync(failuresDirectory, { recursive: true });
  const path = join(
    failuresDirectory,
    `${name}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`,
  );
  writeFileSync(path, input);
  return path;
}
