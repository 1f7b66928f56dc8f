// tsk ps: what runs on the device.

import { type DeviceOptions, hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addPsVerb: VerbAdder = (program, action) => {
  program
    .command('ps')
    .summary('show what runs on the device')
    .description(`Show the apps and system programs of the running device, and how each is.\n${WHICH_DEVICE}`)
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk ps', 'state, memory and last line of each app'],
        ['tsk -i ~/garden ps --host 192.168.1.20', 'of a device at a known address'],
        ['tsk ps --json', 'for a script'],
      ),
    )
    .action(
      action(async (session: Session, options: DeviceOptions) => {
        const { showServices } = await import('./show-services.ts');
        await showServices(session, options);
      }),
    );
};
