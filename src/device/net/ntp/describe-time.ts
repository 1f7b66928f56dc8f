// Times and differences between clocks, for people.

import { describeDuration } from '../../duration.ts';

/** `forwards by 2.5 hours`, `back by 3 ms` */
export function describeOffset(offsetMs: number): string {
  return `${offsetMs < 0 ? 'back' : 'forwards'} by ${describeSize(offsetMs)}`;
}

export function describeSize(offsetMs: number): string {
  const sizeMs = Math.abs(offsetMs);
  return sizeMs < 1000 ? `${Math.ceil(sizeMs)} ms` : describeDuration(Math.round(sizeMs / 1000));
}

/** `2026-11-28 17:30 UTC` */
export function formatMinute(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
