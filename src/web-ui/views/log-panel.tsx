// A log: a live one follows its newest line until one scrolls up, and can be paused; all can be filtered and downloaded.

import { useEffect, useRef, useState } from 'preact/hooks';

import { MAX_LOG_LINES, WEB_API } from '../../shared/api/web-api.ts';
import { download } from '../device/ask.ts';
import { readEarlierLog } from '../device/earlier-log.ts';
import { LogStream } from '../device/log-stream.ts';
import { useAct } from '../parts/act.tsx';
import { Icon } from '../parts/icons.tsx';
import { LogLines, type LogEntry } from './log-lines.ts';

/** Closer to the end than this is at the end. */
const END_PX = 24;
/** Lines that a paused log keeps for later. */
const MAX_HELD = 3_000;

interface Follower {
  lines: LogLines;
  held: LogEntry[];
  isPaused: boolean;
  isAtEnd: boolean;
  missed: number;
}

function scrollToEnd(element: HTMLElement): void {
  element.scrollTop = element.scrollHeight;
}

/** Everything about the log that changes too often for Preact; `onChange` when something to be shown did. */
function useFollower(name: string, boot: number, onChange: () => void) {
  const { attempt } = useAct();
  const scroller = useRef<HTMLDivElement>(null);
  const container = useRef<HTMLDivElement>(null);
  const follower = useRef<Follower | undefined>(undefined);
  useEffect(() => {
    if (!container.current || !scroller.current) return undefined;
    const box = scroller.current;
    const lines = new LogLines(container.current);
    const state: Follower = { lines, held: [], isPaused: false, isAtEnd: true, missed: 0 };
    follower.current = state;
    const take = (entries: readonly LogEntry[]) => {
      if (state.isPaused) {
        state.held.push(...entries);
        state.held.splice(0, state.held.length - MAX_HELD);
      } else {
        lines.append(entries);
        if (state.isAtEnd) scrollToEnd(box);
        else state.missed += entries.length;
      }
      onChange();
    };
    const clear = () => {
      container.current?.replaceChildren();
    };
    if (boot < 0) {
      attempt('Cannot read the log', readEarlierLog(name, boot).then(take));
      return clear;
    }
    const stream = new LogStream(name, {
      onLines: take,
      onReboot: () => {
        take([{ note: 'the device started again' }]);
      },
      onGap: (count) => {
        take([{ note: `${count.toLocaleString()} lines came too fast and were left out` }]);
      },
    });
    return () => {
      stream.close();
      clear();
    };
  }, [name, boot]);
  return { scroller, container, follower };
}

export function LogPanel({ name, boot }: { name: string; boot: number }) {
  const { attempt } = useAct();
  const [, setVersion] = useState(0);
  const redraw = () => {
    setVersion((version) => version + 1);
  };
  const { scroller, container, follower } = useFollower(name, boot, redraw);
  const [isWrapped, setWrapped] = useState(true);
  const [filter, setFilter] = useState('');
  const filterInput = useRef<HTMLInputElement>(null);
  const state = follower.current;

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLInputElement) return;
      event.preventDefault();
      filterInput.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('keydown', onKey);
    };
  }, []);

  const applyFilter = (text: string) => {
    setFilter(text);
    state?.lines.filter(text);
    if (scroller.current) scrollToEnd(scroller.current);
  };
  const togglePause = () => {
    if (!state) return;
    state.isPaused = !state.isPaused;
    if (!state.isPaused) {
      state.lines.append(state.held.splice(0));
      if (state.isAtEnd && scroller.current) scrollToEnd(scroller.current);
    }
    redraw();
  };
  const toEnd = () => {
    if (scroller.current) scrollToEnd(scroller.current);
  };
  const onScroll = () => {
    const box = scroller.current;
    if (!box || !state) return;
    const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < END_PX;
    if (isAtEnd === state.isAtEnd) return;
    state.isAtEnd = isAtEnd;
    state.missed = 0;
    redraw();
  };

  const shown = state?.lines.shownCount ?? 0;
  const isPaused = state?.isPaused ?? false;
  return (
    <section class="log" aria-label={`Log of ${name}`}>
      <div class="log-tools" role="toolbar" aria-label="Log">
        <label class="log-filter">
          <Icon name="search" />
          <input
            ref={filterInput}
            type="search"
            placeholder="Filter"
            aria-label="Show only lines with this text"
            aria-keyshortcuts="/"
            value={filter}
            onInput={(event) => {
              applyFilter(event.currentTarget.value);
            }}
          />
        </label>
        <span class="log-count" role="status">
          {isPaused
            ? `Paused, ${state?.held.length.toLocaleString() ?? 0} new`
            : filter === ''
              ? ''
              : `${shown.toLocaleString()} of ${state?.lines.count.toLocaleString() ?? 0}`}
        </span>
        <button
          type="button"
          class="button"
          aria-pressed={isWrapped}
          title="Wrap long lines"
          onClick={() => {
            setWrapped(!isWrapped);
          }}
        >
          <Icon name="wrap" /> <span class="wide-only">Wrap</span>
        </button>
        {boot === 0 && (
          <button type="button" class="button" onClick={togglePause} aria-pressed={isPaused}>
            <Icon name={isPaused ? 'start' : 'pause'} /> <span>{isPaused ? 'Resume' : 'Pause'}</span>
          </button>
        )}
        <button
          type="button"
          class="button"
          aria-label={`Download the log of ${name}`}
          onClick={() => {
            const path = WEB_API.log(name, { lines: MAX_LOG_LINES, boot });
            attempt('Cannot download the log', download(path, `${name}${boot === 0 ? '' : boot}.log`));
          }}
        >
          <Icon name="download" /> <span class="wide-only">Download</span>
        </button>
      </div>
      <div class="log-frame">
        <div
          ref={scroller}
          class={`log-scroller ${isWrapped ? 'wrapped' : ''}`}
          role="log"
          aria-live="off"
          aria-label={`Lines of ${name}`}
          tabIndex={0}
          onScroll={onScroll}
        >
          <div ref={container} />
          {shown === 0 && (
            <p class="empty">{filter === '' ? 'Nothing has been written yet.' : 'No line has this text.'}</p>
          )}
        </div>
        {state && !state.isAtEnd && (
          <button type="button" class="button log-to-end" onClick={toEnd}>
            <Icon name="down" /> {state.missed > 0 ? `${state.missed.toLocaleString()} new` : 'Newest'}
          </button>
        )}
      </div>
    </section>
  );
}
