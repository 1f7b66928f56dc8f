// How far one update or roll-back has come, as a pure machine: what has happened goes in, what a person is told when it
// is broken off (standing.ts) comes out. An event that has no row in a state is of no consequence there: what is certain
// of a device does not become less so because a later step begins anew.

import type { Standing } from './standing.ts';

type CourseState = Standing['at'] | 'installed';

export type CourseEvent =
  /** The device is told to restart with what it runs, and is back. */
  | { type: 'restart' | 'back' }
  /** The slot that does not run is being written, and is complete. */
  | { type: 'session' | 'installed' }
  /** The device is asked to try the new build, and has not begun to. */
  | { type: 'asked'; buildId: string; fromBuildId: string }
  | { type: 'not begun' }
  | { type: 'going back'; toBuildId: string }
  /** The device tries a build, as far as that is known. */
  | ({ type: 'trial' } & Omit<Standing & { at: 'trial' }, 'at'>)
  /** The trial has come to its end, whichever. */
  | { type: 'over' };

/** By state, which events count and where they lead. */
export const COURSE_TABLE: Readonly<Record<CourseState, Partial<Record<CourseEvent['type'], CourseState>>>> =
  {
    untouched: { restart: 'restarting', session: 'receiving', 'going back': 'going back', trial: 'trial' },
    restarting: { back: 'untouched' },
    receiving: { session: 'receiving', installed: 'installed', restart: 'restarting' },
    installed: { session: 'receiving', asked: 'asked', restart: 'restarting' },
    asked: { trial: 'trial', 'not begun': 'installed' },
    'going back': { 'going back': 'going back', restart: 'restarting', trial: 'trial' },
    trial: { trial: 'trial', over: 'untouched' },
  };

export function stepCourse(standing: Standing, event: CourseEvent): Standing {
  const state = standing.at === 'receiving' && standing.isInstalled ? 'installed' : standing.at;
  if (COURSE_TABLE[state][event.type] === undefined) return standing;
  switch (event.type) {
    case 'restart':
      return { at: 'restarting' };
    case 'back':
    case 'over':
      return { at: 'untouched' };
    case 'session':
      return { at: 'receiving', isInstalled: false };
    case 'installed':
    case 'not begun':
      return { at: 'receiving', isInstalled: true };
    case 'asked':
      return { at: 'asked', buildId: event.buildId, fromBuildId: event.fromBuildId };
    case 'going back':
      return { at: 'going back', toBuildId: event.toBuildId };
    default: {
      const { type: at, ...trial } = event;
      return { at, ...trial };
    }
  }
}
