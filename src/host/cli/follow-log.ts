// tsk logs -f: goes on with a log over lost connections and reboots, until Ctrl-C.

import { setTimeout as delay } from 'node:timers/promises';
import type { LogQuery } from '../../shared/api/init-api.ts';
import type { LogLine } from '../../shared/services/services.ts';
import { MAX_LOG_LINES } from '../../shared/api/web-api.ts';
import { NoAnswerError } from '../devices/no-answer-error.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { connect } from './device-session.ts';
import { type LogPrinter, type LogsOptions, oneMore } from './log-printer.ts';
import type { Session } from './session.ts';

const RETRY_MS = 1000;

export async function followLog(
  session: Session,
  name: string,
  options: LogsOptions,
  open: OpenDevice,
  query: LogQuery & { lines: number },
  printer: LogPrinter,
): Promise<void> {
  const { signal } = session;
  let current = open;
  let position = await printFirst(name, open, query, printer);
  while (!signal.aborted) {
    try {
      for await (const { lines } of current.client.follow(name, ...position.toAskFor())) {
        const missing = position.take(lines);
        if (missing > 0) printer.notice(`${missing} lines came too fast and were left out`);
        printer.print(lines);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof NoAnswerError)) throw error;
    }
    if (signal.aborted) return;
    const again = await reconnect(session, options, current, printer);
    if (again === undefined) return;
    if (again.status.bootId !== current.status.bootId) position = new LogPosition(again.status.bootId);
    current = again;
    printer.useBuild(again.status.system.buildId);
  }
}

/** What is there already comes as an answer of its own, which may hold more than a live view begins with. */
async function printFirst(
  name: string,
  { client, status }: OpenDevice,
  query: LogQuery & { lines: number },
  printer: LogPrinter,
): Promise<LogPosition> {
  const position = new LogPosition(status.bootId);
  // One more than wanted: then there is a line to go on from, whatever was wanted.
  const lines = await client.log(name, { lines: oneMore(query.lines) });
  const wanted = query.since === undefined ? lines : await client.log(name, query);
  position.take([...lines, ...wanted]);
  printer.printLast(query.lines, wanted);
  return position;
}

/** How far a log has been seen. Numbers of another boot say nothing of this one. */
class LogPosition {
  readonly #bootId: string;
  #lastSeq = -1;

  constructor(bootId: string) {
    this.#bootId = bootId;
  }

  /** All that is there: the device leaves out what comes before the id. */
  toAskFor(): [LogQuery, string] {
    return [{ lines: MAX_LOG_LINES }, `${this.#bootId}:${this.#lastSeq < 0 ? 'none' : this.#lastSeq}`];
  }

  /** Returns how many lines are missing before these. */
  take(lines: readonly LogLine[]): number {
    const [first] = lines;
    const last = lines.at(-1);
    if (first === undefined || last === undefined) return 0;
    const missing = this.#lastSeq < 0 ? 0 : Math.max(0, first.seq - this.#lastSeq - 1);
    this.#lastSeq = Math.max(this.#lastSeq, last.seq);
    return missing;
  }
}

/** undefined: Ctrl-C. */
async function reconnect(
  session: Session,
  options: LogsOptions,
  before: OpenDevice,
  printer: LogPrinter,
): Promise<OpenDevice | undefined> {
  const { hostname } = before.status.system;
  printer.notice(`lost the connection to ${hostname}; waiting for it`);
  while (!session.signal.aborted) {
    await delay(RETRY_MS, undefined, { signal: session.signal }).catch(() => undefined);
    try {
      const again = await connect(session, options);
      const isReboot = again.status.bootId !== before.status.bootId;
      printer.notice(
        isReboot ? `${hostname} has rebooted: the lines that follow are of the new boot` : 'connected again',
      );
      return again;
    } catch (error) {
      if (!session.signal.aborted && !(error instanceof NoAnswerError)) throw error;
    }
  }
  return undefined;
}
