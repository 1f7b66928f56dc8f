// Times as people read and write them.

import { InvalidArgumentError } from 'commander';

const SECONDS_BY_UNIT = { d: 86_400, h: 3600, m: 60, s: 1 } as const;

/** Two units at most: `3d 4h`, `12m 5s`, `8s`. */
export function formatDuration(seconds: number): string {
  let rest = Math.max(0, Math.floor(seconds));
  const parts: string[] = [];
  for (const [unit, length] of Object.entries(SECONDS_BY_UNIT)) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (parts.length > 0 || count > 0 || unit === 's') parts.push(`${count}${unit}`);
  }
  return parts
    .slice(0, 2)
    .filter((part, index) => index === 0 || !part.startsWith('0'))
    .join(' ');
}

/** A time, or how long ago: the device's clock may be another than this computer's. */
export type Since = { agoMs: number } | { timeMs: number };

const FORMS =
  'Give how long ago (90s, 10m, 2h, 1d12h) or a time (14:30, 2026-03-01, "2026-03-01 14:30", ISO 8601).';

/** A time without a zone is this computer's; without a date, today's. */
export function parseSince(text: string): Since {
  const trimmed = text.trim();
  if (/^(?:\d+(?:\.\d+)?[dhms])+$/.test(trimmed)) return { agoMs: parseDurationMs(trimmed) };
  const timeMs = parseTimeMs(trimmed);
  if (timeMs === undefined || Number.isNaN(timeMs)) throw new InvalidArgumentError(FORMS);
  return { timeMs };
}

function parseDurationMs(text: string): number {
  let seconds = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)([dhms])/g)) {
    seconds += Number(count) * SECONDS_BY_UNIT[unit as keyof typeof SECONDS_BY_UNIT];
  }
  return Math.round(seconds * 1000);
}

function parseTimeMs(text: string): number | undefined {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock) {
    const [hours, minutes, seconds] = clock.slice(1).map((part) => Number(part ?? 0)) as [
      number,
      number,
      number,
    ];
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    return new Date().setHours(hours, minutes, seconds, 0);
  }
  if (!/^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/i.test(text))
    return undefined;
  // A date alone would be read as one in UTC.
  return Date.parse(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'));
}

/** `2026-03-01 14:30:05.123`, by this computer's zone: sortable, and of one width. */
export function formatTime(timeMs: number): string {
  const time = new Date(timeMs);
  const [date, clock] = new Date(timeMs - time.getTimezoneOffset() * 60_000).toISOString().split('T');
  return `${date} ${clock?.slice(0, -1)}`;
}
