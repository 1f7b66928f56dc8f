// Where Node.js leaves a diagnostic report when an app crashes (uncaught exception, no memory left in its heap), and how
// many are kept. The app itself writes there, so that nothing in the files is certain.

import type { ServiceKind } from './services.ts';

/** Below it each app has a directory of its own. */
export const REPORTS_DIRECTORY = '/perm/log/reports';
/** Where an app in a sandbox sees its own. */
export const REPORTS_IN_SANDBOX = '/run/tsk/reports';
export const REPORTS_PER_APP = 5;
/** Of Node.js they have some 20 KiB. */
export const MAX_REPORT_BYTES = 1024 * 1024;
export const REPORT_NAME = /^report\.\d{8}\.\d{6}\.\d{1,10}\.\d{1,10}\.\d{1,10}\.json$/;

/** Kinds whose program is the device's Node.js. */
export function runsOnNode(kind: ServiceKind): boolean {
  return kind === 'node' || kind === 'npm';
}

export function reportsDirectory(app: string): string {
  return `${REPORTS_DIRECTORY}/${app}`;
}
