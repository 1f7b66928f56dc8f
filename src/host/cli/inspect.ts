// tsk inspect: the inspector of a running app, for a debugger on this computer.

import { InvalidArgumentError } from 'commander';
import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import type { InspectOptions } from './inspect-app.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addInspectVerb: VerbAdder = (program, action) => {
  program
    .command('inspect')
    .summary('debug a running app with DevTools or an editor')
    .description(
      'Open the Node.js inspector of a running app for a debugger on this computer, until Ctrl-C. The app goes on ' +
        `running; at a breakpoint it stands still. It takes the update key of the instance.\n${WHICH_DEVICE}`,
    )
    .argument('<app>', 'name of an app; "tsk ps" lists them')
    .option(
      '-p, --port <number>',
      'port of this computer (default: 9229, or another if that is taken)',
      parsePort,
    )
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print where it is as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk inspect sensor', 'then open chrome://inspect, or attach VS Code'],
        ['tsk inspect sensor --port 9300', 'beside another debugger'],
      ),
    )
    .action(
      action(async (session: Session, app: string, options: InspectOptions) => {
        const { inspectApp } = await import('./inspect-app.ts');
        await inspectApp(session, app, options);
      }),
    );
};

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535)
    throw new InvalidArgumentError('Give a port from 1 to 65535.');
  return port;
}
