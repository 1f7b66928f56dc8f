// How long work tells what it is doing. The command line shows it; tests and --json are silent.

export interface ProgressReporter {
  start(what: string, totalBytes?: number): ProgressStep;
}

export interface ProgressStep {
  advance(bytes: number): void;
  /** What it is waiting for now, for whoever watches; it replaces what was told before. */
  tell(detail: string): void;
  done(note?: string): void;
}

export const silentProgress: ProgressReporter = {
  start: () => ({ advance() {}, tell() {}, done() {} }),
};

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}
