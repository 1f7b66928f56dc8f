// Updates: what the two slots hold, the trial that goes on, what came of earlier ones, and the way back.

import { useEffect, useRef, useState } from 'preact/hooks';

import { shortBuildId } from '../../shared/manifest/short-build-id.ts';
import type { Slot } from '../../shared/board/slots.ts';
import { describeStarts } from '../../shared/update/describe-starts.ts';
import { UPDATE_API, type SlotContent, type UpdateStatus } from '../../shared/update/update-api.ts';
import type { Trial, UpdateRecord } from '../../shared/update/update-state.ts';
import type { UpdateSummary, WebStatus } from '../../shared/api/web-api.ts';
import { confirmTrial, rollBack } from '../device/actions.ts';
import { askJson } from '../device/ask.ts';
import { formatDateTime, formatDuration } from '../parts/format.ts';
import { useAct } from '../parts/act.tsx';
import { Icon } from '../parts/icons.tsx';
import { Notice } from '../parts/notice.tsx';
import { Fact } from '../parts/fact.tsx';

/** What the slots hold is read from the disk: only when something may have changed there. */
function useUpdateStatus(summary: UpdateSummary | null): UpdateStatus | undefined {
  const [full, setFull] = useState<UpdateStatus>();
  const version = JSON.stringify([
    summary?.trial?.id,
    summary?.committed,
    summary?.appsFrom,
    summary?.session?.startedAtMs,
    summary?.last?.id,
  ]);
  useEffect(() => {
    let isWanted = true;
    const show = async () => {
      const read = await readUpdateStatus();
      // An answer to an earlier question must not replace a later one.
      if (isWanted && read) setFull(read);
    };
    void show();
    return () => {
      isWanted = false;
    };
  }, [version]);
  return full;
}

async function readUpdateStatus(): Promise<UpdateStatus | undefined> {
  try {
    return await askJson<UpdateStatus>(UPDATE_API.update);
  } catch {
    // The banner says that the device is away.
    return undefined;
  }
}

function slotMarks(slot: Slot, { running, committed, appsFrom, trial }: UpdateSummary): string[] {
  return [
    running === slot ? 'runs' : '',
    appsFrom === slot && running !== slot ? 'its apps run' : '',
    trial?.slot === slot ? 'on trial' : '',
    committed === slot ? 'starts next time' : '',
  ].filter((mark) => mark !== '');
}

function SlotCard({ slot, of, update }: { slot: Slot; of: SlotContent | null; update: UpdateSummary }) {
  const marks = slotMarks(slot, update);
  return (
    <section class="card" aria-labelledby={`slot-${slot}`}>
      <h2 id={`slot-${slot}`}>
        Slot {slot} {marks.length > 0 && <span class="quiet">{marks.join(', ')}</span>}
      </h2>
      {of ? (
        <dl class="facts">
          <Fact name="Build">
            <span class="mono" title={of.buildId}>
              {shortBuildId(of.buildId)}
            </span>
          </Fact>
          <Fact name="Signed">{of.signedAtSec === null ? 'no' : formatDateTime(of.signedAtSec * 1000)}</Fact>
          <Fact name="Apps">{of.apps.map(({ name }) => name).join(', ') || 'none'}</Fact>
          <Fact name="Linux kernel">{of.components['kernel'] ?? 'unknown'}</Fact>
          <Fact name="Node.js">{of.components['node'] ?? 'unknown'}</Fact>
          <Fact name="tskrazy">{of.tskrazyVersion}</Fact>
        </dl>
      ) : (
        <p class="empty">Nothing that could be started.</p>
      )}
    </section>
  );
}

function TrialCard({ trial, nowMs }: { trial: Trial; nowMs: number }) {
  const { ask, attempt, mayChange } = useAct();
  const isHealthy = trial.waitsFor.length === 0;
  const left = formatDuration((trial.deadlineAtMs - nowMs) / 1000);
  const confirms = trial.confirmBy === 'device' ? 'the device confirms by itself' : `${trial.who} confirms`;
  return (
    <section class="card wide" aria-labelledby="trial">
      <h2 id="trial">Trial of build {shortBuildId(trial.buildId)}</h2>
      <p>
        Started by {trial.who}; rolled back in {left}, unless it is confirmed before.{' '}
        {isHealthy ? `All is well: ${confirms}.` : 'It still waits for this:'}
      </p>
      {!isHealthy && (
        <ul class="trial-waits">
          {trial.waitsFor.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
      <StillUnwell what={trial.stillUnwell} />
      {mayChange && (
        <div class="card-buttons">
          <button
            type="button"
            class="button"
            disabled={!isHealthy}
            onClick={() => {
              attempt('Cannot confirm', confirmTrial(trial.buildId));
            }}
          >
            Confirm
          </button>
          <button
            type="button"
            class="button danger-quiet"
            onClick={() => {
              ask({
                title: 'End the trial?',
                text: `The device goes back to build ${shortBuildId(trial.fromBuildId)}${trial.mode === 'reboot' ? ' and starts again for it' : ''}.`,
                act: 'Roll back',
                run: () => {
                  attempt('Cannot roll back', rollBack());
                },
              });
            }}
          >
            Roll back
          </button>
        </div>
      )}
    </section>
  );
}

/** The slot that one may go back to. */
function RollBackCard({
  slot,
  of,
  full,
  hostname,
}: {
  slot: Slot;
  of: SlotContent;
  full: UpdateStatus;
  hostname: string;
}) {
  const { ask, attempt, mayChange } = useAct();
  if (!mayChange) return null;
  const lastTry = full.history.find(({ toBuildId }) => toBuildId === of.buildId);
  const hasFailed = lastTry !== undefined && lastTry.outcome !== 'confirmed';
  const act = hasFailed ? 'Try it again' : 'Roll back';
  return (
    <section class="card wide" aria-labelledby="roll-back">
      <h2 id="roll-back">{hasFailed ? 'The build that did not last' : 'The way back'}</h2>
      <p>
        Slot {slot} holds build <span class="mono">{shortBuildId(of.buildId)}</span>
        {hasFailed ? ', which did not last when it was tried' : ''}. Going there is a trial like any other.
      </p>
      <div class="card-buttons">
        <button
          type="button"
          class="button"
          onClick={() => {
            ask({
              title: `${hasFailed ? 'Try' : 'Go back to'} build ${shortBuildId(of.buildId)}${hasFailed ? ' again' : ''}?`,
              text: `${hostname} checks slot ${slot} and starts again from it. If all is well there, it stays; if not, it comes back here.`,
              act,
              run: () => {
                attempt('Cannot roll back', rollBack());
              },
            });
          }}
        >
          {act}
        </button>
      </div>
    </section>
  );
}

const OUTCOME_WORDS = {
  confirmed: 'Confirmed',
  'rolled back': 'Rolled back',
  'did not start': 'Did not start',
};

/** Apps of a trial, or at the end of one. */
function StillUnwell({ what = [] }: { what: readonly string[] | undefined }) {
  return what.length === 0 ? null : <p>Not well, as before the update: {what.join('; ')}.</p>;
}

function HistoryEntry({ record }: { record: UpdateRecord }) {
  const { outcome, reason, lastLines, mode } = record;
  return (
    <li class="update-record" data-outcome={outcome}>
      <p>
        <b>{OUTCOME_WORDS[outcome]}</b>, {formatDateTime(record.endedAtMs)}
      </p>
      <p class="quiet">
        <span class="mono">{shortBuildId(record.fromBuildId)}</span> →{' '}
        <span class="mono">{shortBuildId(record.toBuildId)}</span> in slot {record.toSlot},{' '}
        {mode === 'live' ? 'live' : 'with a restart'}, by {record.who}
      </p>
      {reason !== null && <p>{reason}</p>}
      <StillUnwell what={record.stillUnwell} />
      {lastLines && lastLines.lines.length > 0 && (
        <details>
          <summary>Last lines of {lastLines.of}</summary>
          <pre class="last-lines">{lastLines.lines.join('\n')}</pre>
        </details>
      )}
    </li>
  );
}

function HistoryCard({ history }: { history: readonly UpdateRecord[] }) {
  return (
    <section class="card wide" aria-labelledby="history">
      <h2 id="history">History</h2>
      {history.length === 0 && <p class="empty">There was no update yet.</p>}
      <ol class="update-records">
        {history.map((record) => (
          <HistoryEntry key={record.id} record={record} />
        ))}
      </ol>
    </section>
  );
}

export function UpdatesView({ status }: { status: WebStatus }) {
  const { update } = status;
  const full = useUpdateStatus(update);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // A screen reader hears where it is, and the keyboard starts from here.
    heading.current?.focus();
  }, []);
  return (
    <>
      <div class="log-head">
        <a class="back" href="#" aria-label={`Back to ${status.system.hostname}`}>
          <Icon name="back" />
        </a>
        <h1 ref={heading} tabIndex={-1}>
          Updates
        </h1>
      </div>
      {!update && <Notice kind="warning">The device does not say how it stands with updates.</Notice>}
      {update?.committed === null && (
        <Notice kind="warning">
          The boot loader&apos;s configuration cannot be read: updates are refused.
        </Notice>
      )}
      {update?.trialProblem !== undefined && <Notice kind="warning">{update.trialProblem}.</Notice>}
      {update?.session && (
        <Notice kind="note">
          {update.session.client} is sending build {shortBuildId(update.session.buildId)} since{' '}
          {formatDateTime(update.session.startedAtMs)}.
        </Notice>
      )}
      {update && <p class="quiet starts">Starts {describeStarts(update)}.</p>}
      <div class="columns">
        {update?.trial && <TrialCard trial={update.trial} nowMs={status.timeMs} />}
        {update && full && <Slots update={update} full={full} hostname={status.system.hostname} />}
        {full && <HistoryCard history={full.history} />}
      </div>
    </>
  );
}

function Slots({ update, full, hostname }: { update: UpdateSummary; full: UpdateStatus; hostname: string }) {
  const other: Slot = (update.appsFrom ?? update.running) === 'a' ? 'b' : 'a';
  const content = full.slots[other];
  return (
    <>
      <SlotCard slot="a" of={full.slots.a} update={update} />
      <SlotCard slot="b" of={full.slots.b} update={update} />
      {content && !update.trial && !update.session && (
        <RollBackCard slot={other} of={content} full={full} hostname={hostname} />
      )}
    </>
  );
}
