// What tsk logs does, but for following (follow-log.ts).

import { LOG_OF_INIT, LOG_OF_KERNEL } from '../../shared/api/init-api.ts';
import { MAX_LOG_LINES } from '../../shared/api/web-api.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { UserError } from '../user-error.ts';
import { connect, requireName, serviceNames } from './device-session.ts';
import { findBoot } from './find-boot.ts';
import { LogPrinter, oneMore, type LogsOptions } from './log-printer.ts';
import type { Session } from './session.ts';
import type { Since } from './times.ts';

const DEFAULT_LINES = 100;

export async function printLog(session: Session, name: string, options: LogsOptions): Promise<void> {
  const boot = options.boot ?? 0;
  if (options.follow && boot !== 0) {
    throw new UserError('Cannot follow the log of an earlier boot: nothing is added to it any more', {
      hint: 'Leave out -f or --boot.',
    });
  }
  const open = await connect(session, options);
  if (boot === 0) await requireLog(open, name);
  const printer = new LogPrinter(session, options, open);
  const query = {
    lines: options.lines ?? (options.since === undefined ? DEFAULT_LINES : MAX_LOG_LINES),
    ...(options.since === undefined ? {} : { since: sinceMs(options.since, open.status.timeMs) }),
  };
  if (options.follow) {
    const { followLog } = await import('./follow-log.ts');
    await followLog(session, name, options, open, query, printer);
    return;
  }
  if (boot !== 0) {
    const { logs, buildId } = await findBoot(open, boot);
    requireName('read the log', name, logs, `boot ${boot} has left none of that name`);
    printer.useBuild(buildId);
  }
  const lines = await open.client.log(name, { ...query, lines: oneMore(query.lines), boot });
  printer.printLast(query.lines, lines);
}

/** Also of what has gone since the start, such as a session: the status does not have it any more. */
async function requireLog({ client, status }: OpenDevice, name: string): Promise<void> {
  const present = [...serviceNames(status), LOG_OF_INIT, LOG_OF_KERNEL];
  if (present.includes(name)) return;
  // A device that does not know of its starts yet, or is gone, has the names of its status alone.
  const boots = await client.boots().catch(() => []);
  requireName('read the log', name, boots.find(({ boot }) => boot === 0)?.logs ?? present);
}

/** How long ago counts by the device's clock, which stamped the lines. */
function sinceMs(since: Since, deviceTimeMs: number): number {
  return 'timeMs' in since ? since.timeMs : Math.max(0, Math.floor(deviceTimeMs - since.agoMs));
}
