// The lines of a log in the document. Written by hand and not by Preact: a flooding service brings
// thousands of lines a second, and appending them must cost only what is new.

import type { LogLine } from '../../shared/services/services.ts';
import { parseStructuredLine } from '../../shared/services/structured-log.ts';
import { parseStyledText, plainText, type TextStyle } from '../../shared/text/styled-text.ts';
import { formatClock, formatDate } from '../parts/format.ts';

/** What the page keeps. The device keeps its own, and a download has all of it. */
const MAX_LINES = 3_000;

export type LogEntry = LogLine | { note: string };

export class LogLines {
  readonly #container: HTMLElement;
  #entries: LogEntry[] = [];
  #filter = '';
  #shownCount = 0;

  constructor(container: HTMLElement) {
    this.#container = container;
  }

  get count(): number {
    return this.#entries.length;
  }

  get shownCount(): number {
    return this.#shownCount;
  }

  append(entries: readonly LogEntry[]): void {
    const before = this.#entries.at(-1);
    this.#entries.push(...entries);
    this.#show(entries, before);
    const extra = this.#entries.length - MAX_LINES;
    if (extra > 0) this.#drop(extra);
  }

  /** Shows only lines that contain the text, in whatever case. */
  filter(text: string): void {
    this.#filter = text.toLowerCase();
    this.#container.replaceChildren();
    this.#shownCount = 0;
    this.#show(this.#entries, undefined);
  }

  #show(entries: readonly LogEntry[], before: LogEntry | undefined): void {
    const fragment = document.createDocumentFragment();
    let previous = before;
    for (const entry of entries) {
      if (!this.#matches(entry)) continue;
      const day = dayOf(entry);
      if (day !== undefined && day !== (previous && dayOf(previous)) && 'timeMs' in entry)
        fragment.append(noteElement(formatDate(entry.timeMs)));
      const element = 'note' in entry ? noteElement(entry.note) : lineElement(entry);
      element.dataset['entry'] = '';
      fragment.append(element);
      this.#shownCount++;
      previous = entry;
    }
    this.#container.append(fragment);
  }

  #drop(count: number): void {
    const dropped = this.#entries.splice(0, count);
    const shown = dropped.filter((entry) => this.#matches(entry)).length;
    this.#shownCount -= shown;
    // Date notes stand between the lines and are no entries.
    for (let left = shown; left > 0;) {
      const first = this.#container.firstElementChild;
      if (!first) return;
      if (first instanceof HTMLElement && first.dataset['entry'] !== undefined) left--;
      first.remove();
    }
  }

  #matches(entry: LogEntry): boolean {
    if (this.#filter === '') return true;
    return 'text' in entry && plainText(entry.text).toLowerCase().includes(this.#filter);
  }
}

function dayOf(entry: LogEntry): string | undefined {
  return 'timeMs' in entry ? new Date(entry.timeMs).toDateString() : undefined;
}

function noteElement(text: string): HTMLElement {
  const element = document.createElement('div');
  element.className = 'log-note';
  element.textContent = text;
  return element;
}

const STREAM_TITLES = { stdout: '', stderr: 'standard error', init: 'from init' } as const;

function lineElement(line: LogLine): HTMLElement {
  const element = document.createElement('div');
  element.className = `log-line from-${line.stream}`;
  const time = document.createElement('time');
  time.dateTime = new Date(line.timeMs).toISOString();
  time.title = `${time.dateTime} ${STREAM_TITLES[line.stream]}`.trim();
  time.textContent = formatClock(line.timeMs);
  const text = document.createElement('span');
  text.className = 'log-text';
  const structured = parseStructuredLine(line.text);
  if (structured === undefined) {
    text.append(...parseStyledText(line.text).map((span) => spanOf(span.text, classOf(span))));
  } else {
    element.classList.add(`level-${structured.level}`);
    text.append(structured.message);
    for (const [name, value] of structured.fields) {
      text.append('  ', spanOf(`${name}=`, 'log-field-name'), spanOf(value, 'log-field'));
    }
  }
  element.append(time, text);
  return element;
}

function classOf({ color, isBold, isDim }: TextStyle): string {
  return [color && `ansi-${color}`, isBold && 'ansi-bold', isDim && 'ansi-dim'].filter(Boolean).join(' ');
}

function spanOf(text: string, className: string): HTMLElement | string {
  if (className === '') return text;
  const span = document.createElement('span');
  span.className = className;
  span.textContent = text;
  return span;
}
