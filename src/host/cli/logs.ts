// tsk logs: what an app, init or the kernel wrote.

import { InvalidArgumentError, Option } from 'commander';
import { MAX_LOG_LINES } from '../../shared/api/web-api.ts';
import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';
import { parseSince } from './times.ts';
import type { LogsOptions } from './log-printer.ts';

export const addLogsVerb: VerbAdder = (program, action) => {
  program
    .command('logs')
    .summary('print the log of an app, or follow it')
    .description(
      'Print what an app, a system program, "init" or the "kernel" wrote on the running device. Stack traces name ' +
        'the lines of your TypeScript files, if this computer has built the device. Lines marked "!" were written ' +
        `to standard error, those marked "*" are what init says of the app.\n${WHICH_DEVICE}`,
    )
    .argument(
      '[app]',
      'name of the app, or net, web, init, kernel; breakglass once there was a session; without one, the names',
    )
    .option('-f, --follow', 'go on with the lines to come, also over a reboot, until Ctrl-C')
    .option(
      '-n, --lines <number>',
      `how many of the last lines (default: 100; at most ${MAX_LOG_LINES})`,
      parseLines,
    )
    .option('--since <time>', 'from then on: 90s, 10m, 2h, 1d ago, or a time such as 14:30', parseSince)
    .option('--boot <number>', 'of an earlier start of the device: -1 is the one before this', parseBoot)
    .addOption(
      new Option(
        '--reports',
        'what Node.js wrote down when the app crashed, newest first; at most 5 are kept',
      ).conflicts(['follow', 'lines', 'since', 'boot']),
    )
    .option('--raw', 'leave stack traces as the device wrote them')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print one JSON object a line')
    .addHelpText(
      'after',
      examples(
        ['tsk logs -f sensor', 'the last lines, then what comes'],
        ['tsk logs sensor --since 10m', 'of the last ten minutes'],
        ['tsk logs sensor --boot -1', 'why did it go down?'],
        ['tsk logs sensor --reports', 'the stacks of its last crashes'],
        ['tsk logs kernel -n 1000 --json', 'for a script'],
        ['tsk logs', 'of what there is a log'],
      ),
    )
    .action(
      action(async (session: Session, name: string | undefined, options: LogsOptions) => {
        if (name === undefined) {
          const { printLogNames } = await import('./print-log-names.ts');
          await printLogNames(session, options);
          return;
        }
        if (options.reports === true) {
          const { printReports } = await import('./print-reports.ts');
          await printReports(session, name, options);
          return;
        }
        const { printLog } = await import('./print-log.ts');
        await printLog(session, name, options);
      }),
    );
};

function parseLines(text: string): number {
  const lines = Number(text);
  if (!/^\d+$/.test(text) || lines > MAX_LOG_LINES)
    throw new InvalidArgumentError(`Give a number from 0 to ${MAX_LOG_LINES}.`);
  return lines;
}

function parseBoot(text: string): number {
  if (!/^(?:0|-\d{1,4})$/.test(text))
    throw new InvalidArgumentError('Give 0 for this start of the device, -1 for the one before, and so on.');
  return Number(text);
}
