// Prints lines of a log, with stack traces in the user's files.

import { styleText } from 'node:util';
import { MAX_LOG_LINES } from '../../shared/api/web-api.ts';
import type { LogLine } from '../../shared/services/services.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import { formatLogLine } from './log-text.ts';
import type { Session } from './session.ts';
import type { DeviceOptions } from './device-session.ts';
import type { Since } from './times.ts';

export interface LogsOptions extends DeviceOptions {
  follow?: boolean;
  since?: Since;
  boot?: number;
  lines?: number;
  raw?: boolean;
  reports?: boolean;
  json?: boolean;
}

/** Of lines to ask for: what comes beyond those wanted says that there are more. */
export function oneMore(lines: number): number {
  return Math.min(MAX_LOG_LINES, lines + 1);
}

export class LogPrinter {
  readonly #session: Session;
  readonly #isRaw: boolean;
  readonly #hasNumber: boolean;
  readonly #isColored = styleText('bold', 'x', { stream: process.stdout }) !== 'x';
  readonly #stateDirectory: string;
  #places: SourcePlaces;

  constructor(session: Session, { raw, lines }: LogsOptions, { instance, status }: OpenDevice) {
    this.#session = session;
    this.#isRaw = raw ?? false;
    this.#hasNumber = lines !== undefined;
    this.#stateDirectory = instance.stateDirectory;
    this.#places = new SourcePlaces(this.#stateDirectory, status.system.buildId);
  }

  /** Each build has maps of its own. */
  useBuild(buildId: string): void {
    this.#places = new SourcePlaces(this.#stateDirectory, buildId);
  }

  print(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    this.#session.output.progress.hide();
    process.stdout.write(lines.map((line) => `${this.#format(line)}\n`).join(''));
  }

  /** Of what was asked for with `oneMore`. Whoever has named no number is told that there are more. */
  printLast(most: number, lines: readonly LogLine[]): void {
    if (lines.length > most && !this.#hasNumber)
      this.notice(`older lines are left out: "-n 1000" shows more`);
    this.print(lines.slice(Math.max(0, lines.length - most)));
  }

  /** About the log, not in it: on standard error. */
  notice(text: string): void {
    this.#session.output.notice(styleText('dim', `-- ${text} --`, { stream: process.stderr }));
  }

  #format(line: LogLine): string {
    const text = this.#isRaw ? line.text : this.#places.map(line.text);
    if (this.#session.output.json) return JSON.stringify({ ...line, text });
    return formatLogLine({ ...line, text }, this.#isColored);
  }
}
