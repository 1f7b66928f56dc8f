// What comes out of several runs of tests: the sums, which tests took longest, and why some were skipped.

import { relative, resolve } from 'node:path';
import type { EventData, TestsStream } from 'node:test';

export interface Counts {
  pass: number;
  fail: number;
  skipped: number;
}

export interface TimedTest {
  file: string;
  name: string;
  /** Without the tests inside it. */
  ownMs: number;
}

/** What this report reads of what the runner says of a test that has ended. */
export interface EndedTest {
  file: string;
  name: string;
  /** How many tests it is inside of. */
  nesting: number;
  durationMs: number;
}

/** A file in which something failed. */
export interface FailedFile {
  /** Absolute. */
  file: string;
  /** What the file has added to the sums. */
  counts: Counts;
  /** Of its first test that failed. */
  name: string;
  message: string;
}

export class TestReport {
  readonly counts: Counts = { pass: 0, fail: 0, skipped: 0 };
  readonly #failed = new Map<string, FailedFile>();
  readonly #tests: TimedTest[] = [];
  #skipped: { file: string; reason: string }[] = [];
  /** By file and nesting, of tests whose parent has not ended yet. */
  readonly #openMs = new Map<string, number[]>();

  follow(stream: TestsStream): void {
    const take = ({
      entryFile,
      file,
      name,
      nesting,
      details,
    }: EventData.TestPass | EventData.TestFail): void =>
      this.take({ file: entryFile ?? file ?? '', name, nesting, durationMs: details.duration_ms });
    stream.on('test:pass', take).on('test:fail', take);
    stream.on('test:pass', ({ entryFile, file, skip }) => {
      if (typeof skip === 'string') this.#skipped.push({ file: entryFile ?? file ?? '', reason: skip });
    });
    stream.on('test:fail', ({ entryFile, file, name, details }) => {
      const path = entryFile ?? file ?? '';
      // A process that ends before its tests has no summary, and is one failure.
      const counts = { pass: 0, fail: 1, skipped: 0 };
      if (!this.#failed.has(path))
        this.#failed.set(path, { file: path, counts, name, message: firstLine(details.error) });
    });
    stream.on('test:summary', (summary) => {
      // Each file has a summary of its own before that of the run.
      const counts = countsOf(summary);
      if (summary.file === undefined) this.#add(counts, 1);
      else {
        const failed = this.#failed.get(summary.file);
        if (failed !== undefined) failed.counts = counts;
      }
    });
  }

  failedAmong(files: readonly string[]): FailedFile[] {
    return files.flatMap((file) => this.#failed.get(resolve(file)) ?? []);
  }

  /** Out of the sums, because another run decides. */
  forget({ file, counts }: FailedFile): void {
    this.#failed.delete(file);
    this.#skipped = this.#skipped.filter((each) => each.file !== file);
    this.#add(counts, -1);
  }

  #add({ pass, fail, skipped }: Counts, sign: 1 | -1): void {
    this.counts.pass += sign * pass;
    this.counts.fail += sign * fail;
    this.counts.skipped += sign * skipped;
  }

  /** In the runner's order: those inside a test come before it. */
  take({ file, name, nesting, durationMs }: EndedTest): void {
    const open = this.#openMs.get(file) ?? [];
    this.#openMs.set(file, open);
    const [insideMs = 0] = open.splice(nesting + 1);
    open[nesting] = (open[nesting] ?? 0) + durationMs;
    // Those inside that ran side by side may sum up to more than the whole.
    this.#tests.push({ file, name, ownMs: Math.max(0, durationMs - insideMs) });
  }

  /** A line for each reason that tests were skipped for. */
  describeSkipped(): string[] {
    const byReason = Map.groupBy(this.#skipped, ({ reason }) => reason);
    return [...byReason].map(([reason, { length }]) => `${length} skipped: ${reason}`);
  }

  slowest(count: number): TimedTest[] {
    return this.#tests.toSorted((one, other) => other.ownMs - one.ownMs).slice(0, count);
  }
}

function countsOf({ counts, success }: EventData.TestSummary): Counts {
  const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
  // The runner itself may fail where no test did.
  return { pass: counts.passed, fail: success ? failed : Math.max(1, failed), skipped: counts.skipped };
}

/** The runner wraps what a test has thrown. */
function firstLine(error: Error): string {
  const { message } = error.cause instanceof Error ? error.cause : error;
  return message.split('\n', 1)[0]!;
}

export function describeSlowest(tests: readonly TimedTest[], directory: string): string {
  const seconds = tests.map(({ ownMs }) => (ownMs / 1000).toFixed(1));
  const width = Math.max(0, ...seconds.map((text) => text.length));
  return tests
    .map(
      ({ file, name }, index) =>
        `${seconds[index]!.padStart(width)} s  ${relative(directory, file)}: ${name}`,
    )
    .join('\n');
}

/** A line per file that failed at its first try, with what it then said. */
export function describeSecondTries(files: readonly FailedFile[], directory: string): string {
  return files
    .map(({ file, name, message }) => {
      // What ends a file as a whole has its path for a name.
      const what = resolve(name) === file ? [message] : [name, message];
      return [relative(directory, file), ...what].join(': ');
    })
    .join('\n');
}
