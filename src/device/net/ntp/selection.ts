// Which servers tell the truth (RFC 5905 section 11.2): each says that the time lies in an interval; the truth is where
// more than half of all intervals overlap. Servers that are elsewhere are outvoted, however exact they claim to be.

import { distanceMs, type Sample } from './sample.ts';

export interface Selection {
  offsetMs: number;
  /** How far that may be off. */
  errorMs: number;
  leap: Sample['leap'];
  /** Indices of samples; the most exact first. */
  agreeing: readonly number[];
  /** One of the samples that agree was taken after `sinceMs`. */
  isNews: boolean;
}

/** `undefined`: no majority. `sinceMs`: when the clock was last adjusted; older samples only vote. */
export function selectTime(
  samples: readonly Sample[],
  nowMs: number,
  sinceMs = -Infinity,
): Selection | undefined {
  const intervals = samples.map((sample, index) => {
    const errorMs = distanceMs(sample, nowMs);
    const { offsetMs } = sample;
    return { sample, index, errorMs, low: offsetMs - errorMs, high: offsetMs + errorMs };
  });
  const overlap = largestOverlap(intervals);
  if (overlap === undefined || overlap.count * 2 <= samples.length) return undefined;
  const agreeing = intervals
    .filter(({ low, high }) => low <= overlap.high && high >= overlap.low)
    .toSorted((a, b) => a.errorMs - b.errorMs);
  const news = agreeing.filter(({ sample }) => sample.takenAtMs > sinceMs);
  // Exact servers count for more (section 11.2.3).
  const counted = news.length > 0 ? news : agreeing;
  const weight = counted.reduce((sum, { errorMs }) => sum + 1 / errorMs, 0);
  const offsetMs = counted.reduce((sum, { sample, errorMs }) => sum + sample.offsetMs / errorMs, 0) / weight;
  return {
    offsetMs,
    errorMs: agreeing[0]?.errorMs ?? Infinity,
    leap: majorityLeap(agreeing.map(({ sample }) => sample.leap)),
    agreeing: agreeing.map(({ index }) => index),
    isNews: news.length > 0,
  };
}

interface Interval {
  low: number;
  high: number;
}

/** Marzullo's algorithm: goes along all ends of intervals and counts how many are open. */
function largestOverlap(intervals: readonly Interval[]): (Interval & { count: number }) | undefined {
  const ends = intervals
    .flatMap(({ low, high }) => [
      { at: low, opens: 1 },
      { at: high, opens: -1 },
    ])
    .toSorted((a, b) => a.at - b.at || b.opens - a.opens);
  let open = 0;
  let best: (Interval & { count: number }) | undefined;
  for (const [index, { at, opens }] of ends.entries()) {
    open += opens;
    if (open > (best?.count ?? 0)) best = { low: at, high: ends[index + 1]?.at ?? at, count: open };
  }
  return best;
}

function majorityLeap(leaps: readonly Sample['leap'][]): Sample['leap'] {
  for (const leap of ['insert', 'delete'] as const) {
    if (leaps.filter((each) => each === leap).length * 2 > leaps.length) return leap;
  }
  return 'none';
}
