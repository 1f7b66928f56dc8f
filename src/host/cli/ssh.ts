// tsk ssh: a root shell on the running device, for a time.

import { InvalidArgumentError, Option } from 'commander';
import { MAX_LIFETIME_SEC } from '../../shared/breakglass/breakglass-request.ts';
import { hostOption, insecureHttpOption, WHICH_DEVICE } from './device-session.ts';
import type { SshOptions } from './run-ssh.ts';
import { examples, type Session, type VerbAdder } from './session.ts';

export const addSshVerb: VerbAdder = (program, action) => {
  program
    .command('ssh')
    .summary('open a root shell on the device, or run a command there')
    .description(
      'Look into the running device: its files, processes and network, with a root shell and tools that are not in its ' +
        'image. They are sent when the session is opened, and gone when it ends: with the last shell, after its time, or ' +
        'when the device restarts. Opening one takes the update key of the instance; the password of the page does not ' +
        'suffice. Needs ssh on this computer. What stands behind "--" goes to ssh as it is.\n' +
        WHICH_DEVICE,
    )
    .argument('[command...]', 'what to run there instead of a shell; its exit code is that of tsk')
    .option('--as <app>', 'in the sandbox of a running app: its files, processes, network and user')
    .option('--open [time]', 'open a session that stays: 30m, 2h (default: 1h; at most 24h)', parseLifetime)
    .option(
      '--with <tools>',
      'take along: packages of Debian, or ./PROGRAM and ./DIRECTORY of yours',
      collectList,
    )
    .option('--listen', 'with --open: sshd listens on port 22, too, for computers without tsk')
    .option('--key <source>', 'with --listen: whose keys it takes: FILE or github:USER', collect)
    .option('--browser', 'a terminal on the page of the device, in your browser, until Ctrl-C')
    .option('--close', 'close the session, whoever uses it')
    .option('--status', 'tell whether there is a session, and whose')
    .option('--config', 'print what ~/.ssh/config needs, so that ssh, scp, rsync and editors find the device')
    .option('-L, --local-forward <spec>', 'as ssh: a port here leads to the device', collect)
    .option('-R, --remote-forward <spec>', 'as ssh: a port of the device leads here', collect)
    .option('-D, --dynamic-forward <port>', 'as ssh: a SOCKS proxy', collect)
    .option('-N, --only-forward', 'as ssh: no shell, only forwarded ports')
    .option('-v, --verbose', 'as ssh: tell what it does')
    .addOption(new Option('--proxy', 'carry the bytes of a connection').hideHelp())
    .addOption(hostOption())
    .addOption(insecureHttpOption())
    .option('--json', 'with --status: print it as JSON')
    .addHelpText(
      'after',
      examples(
        ['tsk ssh', 'a root shell; exit closes the session if nobody else uses it'],
        [`tsk ssh 'ps; df -h'`, 'commands'],
        [`cat dump | tsk ssh 'cat >/perm/x'`, 'standard input goes along'],
        ['tsk ssh -N -L 5432:localhost:5432', "a port of an app's, from here"],
        ['tsk ssh --with tcpdump,strace', 'with tools of Debian'],
        ['tsk ssh --as sensor', 'a shell as that app sees the device'],
        ['tsk ssh --open 2h', 'a session that stays until its time is over'],
        ['tsk ssh --browser', 'a terminal in your browser; needs no ssh on this computer'],
        ['tsk ssh --config >> ~/.ssh/config', 'for ssh, scp, rsync and editors'],
        ['tsk ssh --close', 'end it'],
      ),
    )
    .action(
      action(async (session: Session, command: string[], options: SshOptions) => {
        const { runSsh } = await import('./run-ssh.ts');
        await runSsh(session, command, options);
      }),
    );
};

const UNIT_SEC: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

function parseLifetime(text: string): number {
  const [, amount, unit = ''] = /^(\d{1,5})([smh])$/.exec(text) ?? [];
  const sec = Number(amount) * (UNIT_SEC[unit] ?? Number.NaN);
  if (!(sec >= 1 && sec <= MAX_LIFETIME_SEC))
    throw new InvalidArgumentError('Give a time such as 90s, 30m or 2h, at most 24h.');
  return sec;
}

/** Commas and several options alike. */
function collectList(text: string, before: string[] = []): string[] {
  return [...before, ...text.split(',').filter((each) => each !== '')];
}

function collect(text: string, before: string[] = []): string[] {
  return [...before, text];
}
