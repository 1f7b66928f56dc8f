// tsk open: the device's page in a browser.

import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import type { OpenOptions } from './open-page.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addOpenVerb: VerbAdder = (program, action) => {
  program
    .command('open')
    .summary('open the page of the device in your browser')
    .description(
      'Open the page of the device in your browser, logged in, until Ctrl-C. Nothing has to be imported and no warning ' +
        `appears: the browser speaks to tsk on this computer, and tsk by TLS to the device that it knows.\n${WHICH_DEVICE}`,
    )
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--no-browser', 'print the address alone, and start no browser')
    .addHelpText(
      'after',
      examples(['tsk open', 'of this instance'], ['tsk open --host 192.168.1.20', 'of an address']),
    )
    .action(
      action(async (session: Session, options: OpenOptions) => {
        const { openPage } = await import('./open-page.ts');
        await openPage(session, options);
      }),
    );
};
