// tsk rollback: back to the build before, by hand.

import { type DeviceOptions, hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addRollbackVerb: VerbAdder = (program, action) => {
  program
    .command('rollback')
    .summary('go back to the build before')
    .description(
      'End the trial of a new build that goes on; otherwise have the device try the build in its other slot, and wait ' +
        `until it has confirmed that by itself. Data in /perm stays as it is.\n${WHICH_DEVICE}`,
    )
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print what came of it as JSON')
    .addHelpText('after', examples(['tsk status', 'see what is in the slots'], ['tsk rollback', 'go back']))
    .action(
      action(async (session: Session, options: DeviceOptions) => {
        const { rollBackInstance } = await import('./rollback-instance.ts');
        await rollBackInstance(session, options);
      }),
    );
};
