// A small live chart: the last minutes of one or two figures, with the value under the pointer. Drawn as
// SVG paths in a box of 100 by 100 that is stretched, so that nothing depends on its size in pixels.

import { useState } from 'preact/hooks';

import type { History, Point } from '../device/history.ts';
import { formatDuration } from './format.ts';

/** Statuses further apart than this were not one after the other: the line is interrupted. */
const GAP_SEC = 8;

interface Series {
  label: string;
  /** Name of the figure in the history. */
  of: string;
}

export interface ChartProps {
  series: readonly Series[];
  history: History;
  /** Top of the scale. Without it the largest value decides, but no less than `atLeast`. */
  max?: number;
  atLeast?: number;
  format: (value: number) => string;
  /** Text for those who do not see it. */
  label: string;
  size?: 'small' | 'large';
}

interface Run {
  line: string;
  area: string;
}

function runs(points: readonly Point[], { nowSec, spanSec }: History, max: number): Run[] {
  const parts: Point[][] = [];
  for (const point of points) {
    const before = parts.at(-1)?.at(-1);
    if (before && point.atSec - before.atSec <= GAP_SEC) parts.at(-1)?.push(point);
    else parts.push([point]);
  }
  const x = (point: Point) => (100 - ((nowSec - point.atSec) / spanSec) * 100).toFixed(2);
  const y = (point: Point) => (97 - Math.min(1, point.value / max) * 94).toFixed(2);
  return parts.map((part) => {
    const [first, last] = [part[0], part.at(-1)];
    const line = part.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point)} ${y(point)}`).join('');
    return { line, area: first && last ? `${line}L${x(last)} 100L${x(first)} 100Z` : '' };
  });
}

function nearest(points: readonly Point[], atSec: number): Point | undefined {
  let best: Point | undefined;
  for (const point of points)
    if (!best || Math.abs(point.atSec - atSec) < Math.abs(best.atSec - atSec)) best = point;
  return best && Math.abs(best.atSec - atSec) <= GAP_SEC ? best : undefined;
}

export function Chart({ series, history, max, atLeast, format, label, size = 'small' }: ChartProps) {
  const [pointerAt, setPointerAt] = useState<number>();
  const { nowSec, spanSec } = history;
  const lines = series.map(({ label, of }) => ({ label, points: history.series(of) }));
  const largest = Math.max(atLeast ?? 0, ...lines.flatMap(({ points }) => points.map(({ value }) => value)));
  const top = max ?? (largest > 0 ? largest * 1.1 : 1);
  const shown =
    pointerAt === undefined
      ? []
      : lines.map(({ label, points }) => ({
          label,
          point: nearest(points, nowSec - (1 - pointerAt) * spanSec),
        }));
  const [found] = shown.flatMap(({ point }) => point ?? []);
  return (
    <div
      class={`chart chart-${size}`}
      role="img"
      aria-label={label}
      onPointerMove={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        setPointerAt((event.clientX - box.left) / box.width);
      }}
      onPointerLeave={() => {
        setPointerAt(undefined);
      }}
    >
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
        {lines.map(({ label, points }, index) =>
          runs(points, history, top).map(({ line, area }, run) => (
            <g key={`${label}${run}`} class={`chart-series chart-series-${index}`}>
              <path class="chart-area" d={area} />
              <path class="chart-line" d={line} />
            </g>
          )),
        )}
      </svg>
      {found && (
        <>
          <div class="chart-cursor" style={{ left: `${100 - ((nowSec - found.atSec) / spanSec) * 100}%` }} />
          <div class={`chart-readout ${(pointerAt ?? 0) > 0.5 ? 'at-left' : 'at-right'}`}>
            {shown.map(({ label, point }) => (
              <span key={label}>
                {label} {point ? format(point.value) : '–'}
              </span>
            ))}
            <span class="quiet">
              {nowSec - found.atSec < 1.5 ? 'now' : `${formatDuration(nowSec - found.atSec)} ago`}
            </span>
          </div>
        </>
      )}
    </div>
  );
}
