// tsk update: brings the instance as it is now to its device.

import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';
import type { UpdateVerbOptions } from './update-instance.ts';

export const addUpdateVerb: VerbAdder = (program, action) => {
  program
    .command('update')
    .summary('bring the instance to its device over the network')
    .description(
      'Build the instance, send to its device what that lacks, have it try the new build, and confirm the build when ' +
        'all is well. Otherwise the device goes back by itself. Ctrl-C is safe at any moment.\n' +
        WHICH_DEVICE,
    )
    .option('--dry-run', 'say what would change and be sent, and change nothing')
    .option('--no-confirm', 'do not wait: the device confirms the build by itself when it is well')
    .option('--force-reboot', 'restart the device, also when restarting the apps that changed would do')
    .option('--allow-downgrade', 'take an image that was signed before the newest that was confirmed there')
    .option('--allow-rename', 'update a device of another hostname, which so gets a new one')
    .option('--offline', 'build from the cache only, download nothing')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print what came of it as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk update', 'build, send, try, confirm'],
        ['tsk update --dry-run', 'see what would change'],
        ['tsk -i ~/garden update --host 192.168.1.20 --json', 'a device at a known address, for a script'],
      ),
    )
    .action(
      action(async (session: Session, options: UpdateVerbOptions) => {
        const { updateInstance } = await import('./update-instance.ts');
        await updateInstance(session, options);
      }),
    );
};
