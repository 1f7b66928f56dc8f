// What a device starts, and by which way it tries another build: the same words on the page, in tsk status and in reports.

import type { UpdateState } from './update-state.ts';

/** `slot b; trials by tryboot` */
export function describeStarts({
  committed,
  trialStart,
}: Pick<UpdateState, 'committed' | 'trialStart'>): string {
  const trials = trialStart === null ? 'no way to try another build' : `trials by ${trialStart}`;
  return `slot ${committed ?? 'unknown'}; ${trials}`;
}
