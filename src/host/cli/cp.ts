// tsk cp: files to the running device and from it.

import type { CpOptions } from './copy-files.ts';
import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addCpVerb: VerbAdder = (program, action) => {
  program
    .command('cp')
    .summary('copy files to the device, or from it')
    .description(
      'Copy files to the running device, or from it: paths of the device begin with a colon. As "tsk ssh" it opens a ' +
        'break-glass session, which takes the update key of the instance; it needs scp on this computer. What is to ' +
        `outlive the session has to go to :/perm, where the data of apps are; all else is in memory.\n${WHICH_DEVICE}`,
    )
    .argument('<paths...>', 'what is copied, and last of all where to')
    .option(
      '--app <name>',
      'as that app: paths begin in its own directory, and what is copied there is its own',
    )
    .option('-r, --recursive', 'directories, with all that is in them')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .addHelpText(
      'after',
      examples(
        ['tsk cp ./probe :/tmp/', 'a program to try'],
        ['tsk cp -r :/perm/sensor ./backup', "an app's data"],
        ['tsk cp --app sensor ./calibration.json :', 'into the directory of an app, which may change it'],
      ),
    )
    .action(
      action(async (session: Session, paths: string[], options: CpOptions) => {
        const { copyFiles } = await import('./copy-files.ts');
        await copyFiles(session, paths, options);
      }),
    );
};
