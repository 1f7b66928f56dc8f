// tsk status: how the device is.

import { type DeviceOptions, hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addStatusVerb: VerbAdder = (program, action) => {
  program
    .command('status')
    .summary('show how the device is')
    .description(
      `Show what the running device is made of and how it is: build, slot, memory, disk, network, apps.\n${WHICH_DEVICE}`,
    )
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      examples(['tsk status', 'of this instance'], ['tsk status --json | jq .system.slot', 'for a script']),
    )
    .action(
      action(async (session: Session, options: DeviceOptions) => {
        const { showStatus } = await import('./show-status.ts');
        await showStatus(session, options);
      }),
    );
};
