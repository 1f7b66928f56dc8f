// Reports of crashes that Node.js has left in /perm/log (shared/services/crash-reports.ts). The directory is the app's own, and
// so may be anything in it: nothing but files that are what they should be is opened. Arguments of the app, in which a
// password may be, are in no answer of this server's.

import { constants } from 'node:fs';
import { type FileHandle, open, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { APP_NAME } from '../../shared/app-name.ts';
import type { CrashReport } from '../../shared/debug/debug-api.ts';
import {
  MAX_REPORT_BYTES,
  REPORT_NAME,
  REPORTS_DIRECTORY,
  REPORTS_PER_APP,
} from '../../shared/services/crash-reports.ts';
import { maskSecrets } from '../../shared/text/mask-secrets.ts';
import type { Exchange, Handler } from './exchange.ts';
import { HttpError } from './http-error.ts';
import { sendJson, sendText } from './respond.ts';

/** While the app runs nobody keeps its directory tidy. */
const MAX_LOOKED_AT = 100;
/** A pipe would be waited for. */
const READ_ONLY = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

export const listReports: Handler = async ({ reportsPath = REPORTS_DIRECTORY }, exchange) => {
  const directory = join(reportsPath, appName(exchange));
  const reports: CrashReport[] = [];
  for (const name of await namesIn(directory)) {
    await using file = await openReport(join(directory, name));
    if (file === undefined) continue;
    const { size, mtimeMs } = await file.stat();
    reports.push({ name, atMs: Math.round(mtimeMs), sizeBytes: size });
  }
  const newest = reports.toSorted((a, b) => b.atMs - a.atMs || (a.name < b.name ? 1 : -1));
  sendJson(exchange.response, 200, newest.slice(0, REPORTS_PER_APP));
};

export const showReport: Handler = async ({ reportsPath = REPORTS_DIRECTORY }, exchange) => {
  const { params, response } = exchange;
  const app = appName(exchange);
  const name = params['name'] ?? '';
  await using file = REPORT_NAME.test(name) ? await openReport(join(reportsPath, app, name)) : undefined;
  if (file === undefined) throw new HttpError('no-such-log', `"${app}" has no report "${name.slice(0, 80)}"`);
  const bytes = Buffer.alloc(MAX_REPORT_BYTES);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  const text = withoutArguments(bytes.toString('utf8', 0, bytesRead));
  sendText(response, 200, text, 'application/json; charset=utf-8');
};

/** What is no report (half of one, after a power cut) goes out as it is, but for what its own words call secret. */
function withoutArguments(text: string): string {
  try {
    const report = JSON.parse(text) as { header?: { commandLine?: unknown } };
    delete report.header?.commandLine;
    return JSON.stringify(report);
  } catch {
    return maskSecrets(text);
  }
}

function appName({ params }: Exchange): string {
  const name = params['app'] ?? '';
  if (!APP_NAME.test(name)) throw new HttpError('no-such-service', `There is no app "${name.slice(0, 80)}"`);
  return name;
}

async function namesIn(directory: string): Promise<string[]> {
  const names: string[] = [];
  let left = MAX_LOOKED_AT;
  try {
    for await (const { name } of await opendir(directory)) {
      if (REPORT_NAME.test(name)) names.push(name);
      if (--left === 0) break;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return names;
}

/** undefined: it is gone, a link, no file, or larger than one may be. */
async function openReport(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, READ_ONLY);
  } catch (error) {
    if (['ENOENT', 'ELOOP', 'ENXIO', 'ENODEV'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
  const found = await file.stat();
  if (found.isFile() && found.size <= MAX_REPORT_BYTES) return file;
  await file.close();
  return undefined;
}
