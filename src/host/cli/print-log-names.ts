// tsk logs without a name: of what there is a log.

import { UserError } from '../user-error.ts';
import { connect } from './device-session.ts';
import { findBoot } from './find-boot.ts';
import type { LogsOptions } from './log-printer.ts';
import type { Session } from './session.ts';

export async function printLogNames(session: Session, options: LogsOptions): Promise<void> {
  const { follow, lines, since, raw, reports } = options;
  if ([follow, lines, since, raw, reports].some((option) => option !== undefined)) {
    throw new UserError('Cannot tell which log is meant: no name is given', {
      hint: 'Run "tsk logs" alone for the names.',
    });
  }
  const open = await connect(session, options);
  const { logs } = await findBoot(open, options.boot ?? 0);
  const names = logs.toSorted();
  session.output.result({ logs: names }, names.join('\n'));
}
