// tsk repl: a prompt in a running app.

import { type DeviceOptions, hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addReplVerb: VerbAdder = (program, action) => {
  program
    .command('repl')
    .summary('look at a running app from inside')
    .description(
      'A prompt in a running Node.js app: its globals, require and await, with TAB and colours. Ctrl-D leaves the app ' +
        `as it was, but for what you have changed in it. It takes the update key of the instance.\n${WHICH_DEVICE}`,
    )
    .argument('<app>', 'name of an app; "tsk ps" lists them')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .addHelpText(
      'after',
      examples(
        ['tsk repl sensor', 'then, say, process.memoryUsage()'],
        [`echo 'process.getActiveResourcesInfo()' | tsk repl sensor`, 'for a script'],
      ),
    )
    .action(
      action(async (session: Session, app: string, options: DeviceOptions) => {
        const { promptInApp } = await import('./prompt-in-app.ts');
        await promptInApp(session, app, options);
      }),
    );
};
