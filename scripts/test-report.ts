// What comes out of several runs of tests: the sums, and which tests took longest.

import { relative } from 'node:path';
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

export class TestReport {
  readonly counts: Counts = { pass: 0, fail: 0, skipped: 0 };
  readonly #tests: TimedTest[] = [];
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
    stream.on('test:summary', ({ file, counts, success }) => {
      // Each file has a summary of its own before that of the run.
      if (file !== undefined) return;
      this.counts.pass += counts.passed;
      this.counts.skipped += counts.skipped;
      const failed = counts.tests - counts.passed - counts.skipped - counts.todo;
      // The runner itself may fail where no test did.
      this.counts.fail += success ? failed : Math.max(1, failed);
    });
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

  slowest(count: number): TimedTest[] {
    return this.#tests.toSorted((one, other) => other.ownMs - one.ownMs).slice(0, count);
  }
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
