// What a device tells while it completes a slot, as steps of progress.

import type { InstallEvent } from '../../../shared/update/update-api.ts';
import type { ProgressReporter, ProgressStep } from '../../progress.ts';

type Progress = InstallEvent & { event: 'progress' };

const WHAT: Record<Progress['phase'], string> = {
  root: 'Writing the root image',
  'boot files': 'Writing the boot files',
  check: 'Reading everything back',
};

export class InstallSteps {
  readonly #report: ProgressReporter;
  #current: { phase: Progress['phase']; step: ProgressStep; doneBytes: number } | undefined;

  constructor(report: ProgressReporter) {
    this.#report = report;
  }

  show({ phase, doneBytes, totalBytes }: Progress): void {
    if (this.#current?.phase !== phase) {
      this.end();
      this.#current = { phase, step: this.#report.start(WHAT[phase], totalBytes), doneBytes: 0 };
    }
    this.#current.step.advance(doneBytes - this.#current.doneBytes);
    this.#current.doneBytes = doneBytes;
  }

  end(): void {
    this.#current?.step.done();
    this.#current = undefined;
  }
}
