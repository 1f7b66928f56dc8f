// tsk profile: where the processor time of a running app goes, or what its heap holds.

import { InvalidArgumentError, Option } from 'commander';
import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import type { ProfileOptions } from './profile-app.ts';
import { examples, type Session, type VerbAdder } from './session.ts';
import { parseSince } from './times.ts';

const LONGEST_MS = 10 * 60 * 1000;

export const addProfileVerb: VerbAdder = (program, action) => {
  program
    .command('profile')
    .summary('record what a running app does, or holds')
    .description(
      'Write APP.cpuprofile (where the processor time goes, by the lines of your files) or APP.heapsnapshot (what the ' +
        'heap holds) here, for DevTools or an editor. A heap snapshot stops the app for seconds and may take fifteen times the ' +
        `memory of its heap besides. It takes the update key of the instance.\n${WHICH_DEVICE}`,
    )
    .argument('<app>', 'name of an app; "tsk ps" lists them')
    .addOption(
      new Option('--cpu <time>', 'record for so long, such as 10s or 2m; at most 10m')
        .argParser(parseLength)
        .conflicts('heap'),
    )
    .option('--heap', 'take a heap snapshot')
    .option('--force', 'with --heap: also where the app has not enough memory left for it')
    .option('--out <file>', 'write to this file')
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'print what was written as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk profile sensor --cpu 10s', 'what it does for ten seconds'],
        ['tsk profile sensor --heap --out before.heapsnapshot', 'to compare with a later one in DevTools'],
      ),
    )
    .action(
      action(async (session: Session, app: string, options: ProfileOptions) => {
        const { profileApp } = await import('./profile-app.ts');
        await profileApp(session, app, options);
      }),
    );
};

function parseLength(text: string): number {
  const length = /^(?:\d+(?:\.\d+)?[ms])+$/.test(text) ? parseSince(text) : undefined;
  if (length === undefined || !('agoMs' in length) || length.agoMs < 100 || length.agoMs > LONGEST_MS)
    throw new InvalidArgumentError('Give a time such as 10s or 2m, at most 10m.');
  return length.agoMs;
}
