// Diagnostic reports of Node.js apps that crash: a directory of the app's own in /perm/log that it can write to, and of
// what it leaves there the newest few. What lies there is the app's, so that nothing of it is read or followed here.

import { lstat, mkdir, opendir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import {
  MAX_REPORT_BYTES,
  REPORT_NAME,
  REPORTS_IN_SANDBOX,
  reportsDirectory,
  REPORTS_PER_APP,
  runsOnNode,
} from '../../../shared/services/crash-reports.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';
import { makeDataDirectory } from './data-directory.ts';

/** An app that crashes all the time is not to wear out the flash: more than REPORTS_PER_APP tell nothing new. */
const PERIOD_MS = 60 * 60 * 1000;

/** Directory for reports of a process. */
export interface ReportsPlace {
  /** On the device. */
  directory: string;
  /** As the process has it. */
  seenAs: string;
}

interface StoredReport {
  path: string;
  changedMs: number;
}

/** For a process that is about to start; undefined: it is to leave none. */
export async function prepareReports(sys: Sys, spec: ServiceSpec): Promise<ReportsPlace | undefined> {
  // /perm/log is root's alone: who is somebody else gets there by his sandbox.
  if (!runsOnNode(spec.kind) || (spec.user !== undefined && spec.sandbox === undefined)) return undefined;
  const directory = reportsDirectory(spec.name);
  const path = sys.path(directory);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  // Outside tests init is root, and so are its programs.
  await makeDataDirectory(path, spec.user?.uid ?? process.getuid?.() ?? 0);
  const reports = await keepNewest(path);
  const oldest = reports.at(REPORTS_PER_APP - 1);
  const isRecent = oldest !== undefined && Math.abs(Date.now() - oldest.changedMs) < PERIOD_MS;
  if (isRecent) return undefined;
  return { directory, seenAs: spec.sandbox === undefined ? path : REPORTS_IN_SANDBOX };
}

/** After the end of all processes of the app. */
export async function keepReports(sys: Sys, { kind, name }: ServiceSpec): Promise<void> {
  if (!runsOnNode(kind)) return;
  // The next start tries again, and says why it cannot.
  await keepNewest(sys.path(reportsDirectory(name))).catch(() => []);
}

/** Removes all else. Newest first; however many there are, few are held in memory. */
async function keepNewest(directory: string): Promise<StoredReport[]> {
  let kept: StoredReport[] = [];
  for await (const { name } of await opendir(directory)) {
    const path = join(directory, name);
    const found = await lstat(path);
    const isReport = REPORT_NAME.test(name) && found.isFile() && found.size <= MAX_REPORT_BYTES;
    if (isReport) kept.push({ path, changedMs: found.mtimeMs });
    else await rm(path, { recursive: true, force: true });
    if (kept.length <= REPORTS_PER_APP) continue;
    kept = newestFirst(kept);
    await rm(kept.pop()?.path ?? '', { force: true });
  }
  return newestFirst(kept);
}

function newestFirst(reports: readonly StoredReport[]): StoredReport[] {
  return reports.toSorted((a, b) => b.changedMs - a.changedMs || (a.path < b.path ? 1 : -1));
}
