// tsk start, stop and restart: apps and system programs of the running device.

import type { ServiceAction } from '../../shared/api/init-api.ts';
import { type DeviceOptions, hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

interface ActionVerb {
  action: ServiceAction;
  summary: string;
  description: string;
}

const VERBS: readonly ActionVerb[] = [
  {
    action: 'start',
    summary: 'start an app that does not run',
    description: 'Start apps on the running device. One that runs is left alone.',
  },
  {
    action: 'stop',
    summary: 'stop an app until it is started, or the device',
    description:
      'Stop apps on the running device, with all their processes. They stay stopped until they are started again, ' +
      'or the device is.',
  },
  {
    action: 'restart',
    summary: 'stop an app and start it again',
    description: 'Stop apps on the running device and start them again.',
  },
];

export const addServiceVerbs: VerbAdder = (program, action) => {
  for (const verb of VERBS) {
    program
      .command(verb.action)
      .summary(verb.summary)
      .description(`${verb.description}\n${WHICH_DEVICE}`)
      .argument('<app...>', 'name of an app; "tsk ps" lists them')
      .addOption(hostOption())
      .addOption(insecureHttpOption())
      .option('--json', 'print how they are now as JSON')
      .addHelpText(
        'after',
        examples(
          [`tsk ${verb.action} sensor`, 'one app'],
          [`tsk ${verb.action} sensor pump --json`, 'two of them, for a script'],
        ),
      )
      .action(
        action(async (session: Session, names: string[], options: DeviceOptions) => {
          const { actOnServices } = await import('./act-on-services.ts');
          await actOnServices(session, verb.action, names, options);
        }),
      );
  }
};
