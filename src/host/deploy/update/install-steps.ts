// What a device tells while it completes a slot, as steps of progress.

import type { InstallEvent } from '../../../shared/update/update-api.ts';
import type { ProgressReporter, ProgressStep } from '../../progress.ts';

type Progress = InstallEvent & { event: 'progress' };

const WHAT: Record<Progress['phase'], string> = {
  root: 'Writing the root image',
  'boot files': 'Writing the boot files',
  check: 'Reading everything back',
};
/** A slot is read back in two parts where boot files are written in between. */
const SECOND_CHECK = 'Reading the boot files back';

export class InstallSteps {
  readonly #report: ProgressReporter;
  #checkedBytes = 0;
  #current: { phase: Progress['phase']; step: ProgressStep; doneBytes: number } | undefined;

  constructor(report: ProgressReporter) {
    this.#report = report;
  }

  show({ phase, doneBytes, totalBytes }: Progress): void {
    if (this.#current?.phase !== phase) {
      this.end();
      const earlier = phase === 'check' ? this.#checkedBytes : 0;
      const step = this.#report.start(earlier > 0 ? SECOND_CHECK : WHAT[phase], totalBytes - earlier);
      this.#current = { phase, step, doneBytes: earlier };
    }
    this.#current.step.advance(doneBytes - this.#current.doneBytes);
    this.#current.doneBytes = doneBytes;
    if (phase === 'check') this.#checkedBytes = doneBytes;
  }

  end(): void {
    this.#current?.step.done();
    this.#current = undefined;
  }
}
