// tsk reboot and poweroff.

import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';
import type { PowerOptions } from './power-device.ts';

export const addPowerVerbs: VerbAdder = (program, action) => {
  program
    .command('reboot')
    .summary('restart the device')
    .description(`Restart the device in order, and wait until it is back.\n${WHICH_DEVICE}`)
    .option('--no-wait', 'do not wait for it')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk reboot', 'and wait'], ['tsk reboot --no-wait', 'and go on']))
    .action(
      action(async (session: Session, options: PowerOptions) => {
        const { reboot } = await import('./power-device.ts');
        await reboot(session, options);
      }),
    );
  program
    .command('poweroff')
    .summary('switch the device off')
    .description(`Switch the device off in order, and wait until it is gone.\n${WHICH_DEVICE}`)
    .option('--no-wait', 'do not wait for it')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print JSON')
    .addHelpText('after', examples(['tsk poweroff', 'before the plug is pulled']))
    .action(
      action(async (session: Session, options: PowerOptions) => {
        const { powerOffDevice } = await import('./power-device.ts');
        await powerOffDevice(session, options);
      }),
    );
};
