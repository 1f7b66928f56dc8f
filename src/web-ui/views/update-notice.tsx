// On the overview: that something is being updated or on trial, that nothing can be, or that the last update did not last.

import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { UpdateSummary, WebStatus } from '../../shared/api/web-api.ts';
import { formatDateTime, formatDuration } from '../parts/format.ts';
import { Notice } from '../parts/notice.tsx';
import { UPDATES_HREF } from './route.ts';

/** Afterwards it is history, which the updates' own view tells. */
const NEWS_MS = 7 * 24 * 3600 * 1000;

export function UpdateNotice({ status }: { status: WebStatus }) {
  const { update } = status;
  const notice = update && noticeOf(update, status.timeMs);
  if (!notice) return null;
  return (
    <div class="notices">
      <Notice kind={notice.kind}>
        {notice.text} <a href={UPDATES_HREF}>Updates</a>
      </Notice>
    </div>
  );
}

function noticeOf(
  { trial, session, last, trialProblem }: UpdateSummary,
  nowMs: number,
): { kind: 'warning' | 'note'; text: string } | undefined {
  if (trial) {
    const left = formatDuration((trial.deadlineAtMs - nowMs) / 1000);
    const text = `Build ${shortBuildId(trial.buildId)} is on trial: confirmed within ${left}, or rolled back.`;
    return { kind: 'warning', text };
  }
  if (session)
    return { kind: 'note', text: `${session.client} is sending build ${shortBuildId(session.buildId)}.` };
  if (trialProblem !== undefined) return { kind: 'warning', text: `${trialProblem}.` };
  if (last && last.outcome !== 'confirmed' && nowMs - last.endedAtMs < NEWS_MS) {
    const what = last.outcome === 'rolled back' ? 'was rolled back' : 'did not start';
    const when = formatDateTime(last.endedAtMs);
    const why = last.reason === null ? '' : `: ${last.reason}`;
    return { kind: 'warning', text: `Build ${shortBuildId(last.toBuildId)} ${what} on ${when}${why}.` };
  }
  return undefined;
}
