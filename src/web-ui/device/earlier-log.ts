// A log of an earlier start of the device, to which nothing is added any more.

import type { LogLine } from '../../shared/services/services.ts';
import { MAX_LOG_LINES, WEB_API } from '../../shared/api/web-api.ts';
import { ask, parse } from './ask.ts';

/** `boot` as in LogQuery. */
export async function readEarlierLog(name: string, boot: number): Promise<LogLine[]> {
  const response = await ask(WEB_API.log(name, { boot, lines: MAX_LOG_LINES, format: 'ndjson' }));
  const lines = (await response.text()).split('\n').filter((line) => line !== '');
  return lines.map((line) => parse(line) as LogLine);
}
