// What tsk logs does: prints lines, and follows a log over lost connections and reboots.

import { styleText } from 'node:util';
import { setTimeout as delay } from 'node:timers/promises';
import { type BootRecord, LOG_OF_INIT, LOG_OF_KERNEL } from '../../shared/init-api.ts';
import type { LogLine } from '../../shared/services.ts';
import { MAX_LOG_LINES } from '../../shared/web-api.ts';
import { NoAnswerError } from '../devices/no-answer-error.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { SourcePlaces } from '../devices/source-places.ts';
import { UserError } from '../user-error.ts';
import { connect, requireName, serviceNames } from './device-session.ts';
import { formatLogLine } from './log-text.ts';
import type { LogsOptions } from './logs.ts';
import type { Session } from './session.ts';
import type { Since } from './times.ts';

const DEFAULT_LINES = 100;
const RETRY_MS = 1000;

export async function printLog(session: Session, name: string, options: LogsOptions): Promise<void> {
  const boot = options.boot ?? 0;
  if (options.follow && boot !== 0) {
    throw new UserError('Cannot follow the log of an earlier boot: nothing is added to it any more', {
      hint: 'Leave out -f or --boot.',
    });
  }
  const open = await connect(session, options);
  if (boot === 0)
    requireName('read the log', name, [...serviceNames(open.status), LOG_OF_INIT, LOG_OF_KERNEL]);
  const printer = new LogPrinter(session, options, open);
  const query = {
    lines: options.lines ?? (options.since === undefined ? DEFAULT_LINES : MAX_LOG_LINES),
    ...(options.since === undefined ? {} : { since: sinceMs(options.since, open.status.timeMs) }),
  };
  if (options.follow) {
    await follow(session, name, options, open, query, printer);
    return;
  }
  if (boot !== 0) printer.useBuild(await findBoot(open, boot, name));
  printer.print(await open.client.log(name, { ...query, boot }));
}

/** How long ago counts by the device's clock, which stamped the lines. */
function sinceMs(since: Since, deviceTimeMs: number): number {
  return 'timeMs' in since ? since.timeMs : Math.max(0, Math.floor(deviceTimeMs - since.agoMs));
}

async function findBoot({ client, status }: OpenDevice, boot: number, name: string): Promise<BootRecord> {
  const boots = await client.boots();
  const found = boots.find((record) => record.boot === boot);
  const { hostname, perm } = status.system;
  if (found === undefined) {
    const oldest = boots.at(-1)?.boot ?? 0;
    const kept = oldest === 0 ? 'no earlier one is kept' : `the oldest that is kept is ${oldest}`;
    throw new UserError(`Cannot read the logs of boot ${boot} of "${hostname}": ${kept}`, {
      hint:
        perm.state === 'tmpfs'
          ? `Logs survive in /perm only, which is in memory on this device: ${perm.note ?? 'no reason is known'}`
          : 'Old ones make room for new ones. They begin anew when a disk is written anew.',
    });
  }
  if (found.logs.length === 0) throw new UserError(`Cannot read the logs of boot ${boot}: it has left none`);
  requireName('read the log', name, found.logs, `boot ${boot} has left none of that name`);
  return found;
}

type Query = { lines: number; since?: number };

async function follow(
  session: Session,
  name: string,
  options: LogsOptions,
  open: OpenDevice,
  query: Query,
  printer: LogPrinter,
): Promise<void> {
  let current = open;
  let lastId: string | undefined;
  while (!session.signal.aborted) {
    try {
      // After a break all lines that are there are asked for: what was seen is left out by its number.
      const wanted = lastId === undefined ? query : { lines: MAX_LOG_LINES };
      for await (const { id, lines } of current.client.follow(name, wanted, lastId)) {
        lastId = id;
        printer.print(lines);
      }
    } catch (error) {
      if (session.signal.aborted) return;
      if (!(error instanceof NoAnswerError)) throw error;
    }
    if (session.signal.aborted) return;
    const again = await reconnect(session, options, current);
    if (again === undefined) return;
    // All lines of a new boot are new. (The number of a line of the boot before would mean nothing to it.)
    lastId ??= `${current.status.bootId}:none`;
    current = again;
    printer.useBuild({ buildId: again.status.system.buildId });
  }
}

/** undefined: Ctrl-C. */
async function reconnect(
  session: Session,
  options: LogsOptions,
  before: OpenDevice,
): Promise<OpenDevice | undefined> {
  const { hostname } = before.status.system;
  notice(session, `lost the connection to ${hostname}; waiting for it`);
  while (!session.signal.aborted) {
    await delay(RETRY_MS, undefined, { signal: session.signal }).catch(() => undefined);
    try {
      const again = await connect(session, options);
      const isReboot = again.status.bootId !== before.status.bootId;
      const what = isReboot
        ? `${hostname} has rebooted: the lines that follow are of the new boot`
        : 'connected again';
      notice(session, what);
      return again;
    } catch (error) {
      if (!session.signal.aborted && !(error instanceof NoAnswerError)) throw error;
    }
  }
  return undefined;
}

function notice({ output }: Session, text: string): void {
  output.notice(styleText('dim', `-- ${text} --`, { stream: process.stderr }));
}

class LogPrinter {
  readonly #session: Session;
  readonly #options: LogsOptions;
  readonly #stateDirectory: string;
  #places: SourcePlaces;

  constructor(session: Session, options: LogsOptions, { instance, status }: OpenDevice) {
    this.#session = session;
    this.#options = options;
    this.#stateDirectory = instance.stateDirectory;
    this.#places = new SourcePlaces(this.#stateDirectory, status.system.buildId);
  }

  /** Each build has maps of its own. */
  useBuild({ buildId }: Pick<BootRecord, 'buildId'>): void {
    this.#places = new SourcePlaces(this.#stateDirectory, buildId);
  }

  print(lines: readonly LogLine[]): void {
    if (lines.length === 0) return;
    this.#session.output.progress.hide();
    process.stdout.write(lines.map((line) => `${this.#format(line)}\n`).join(''));
  }

  #format(line: LogLine): string {
    const text = this.#options.raw ? line.text : this.#places.map(line.text);
    if (this.#session.output.json) return JSON.stringify({ ...line, text });
    return formatLogLine({ ...line, text }, styleText('bold', 'x', { stream: process.stdout }) !== 'x');
  }
}
