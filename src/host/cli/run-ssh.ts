// What tsk ssh does.

import { TERMINAL_KEY_STORED_AS } from '../../shared/breakglass/breakglass-api.ts';
import { DEFAULT_LIFETIME_SEC } from '../../shared/breakglass/breakglass-request.ts';
import { carryConnection } from '../breakglass/carry-connection.ts';
import { closeSession, readSession, type SessionWishes } from '../breakglass/open-session.ts';
import { readPublicKeys } from '../breakglass/public-keys.ts';
import { ENTER } from '../breakglass/enter-script.ts';
import { pinHostKey, requireTool, shellWord, sshArguments, sshConfig } from '../breakglass/ssh-command.ts';
import { ensureSshKey, type SshKey } from '../breakglass/ssh-key.ts';
import { openInstance } from '../config/instance.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import { showPage } from './open-page.ts';
import type { Session } from './session.ts';
import {
  leaveSession,
  openFor,
  planFor,
  planOf,
  requireApp,
  runClient,
  SESSION_VARIABLE,
} from './session-client.ts';
import { describeSession, describeStatus } from './show-breakglass.ts';

export interface SshOptions extends DeviceOptions {
  open?: number | true;
  with?: string[];
  listen?: boolean;
  key?: string[];
  close?: boolean;
  status?: boolean;
  config?: boolean;
  proxy?: boolean;
  browser?: boolean;
  /** The app in whose sandbox the shell or the command is to be. */
  as?: string;
  /** -L, -R, -D, -N and -v, as ssh takes them. */
  localForward?: string[];
  remoteForward?: string[];
  dynamicForward?: string[];
  onlyForward?: boolean;
  verbose?: boolean;
}

export async function runSsh(session: Session, words: readonly string[], options: SshOptions): Promise<void> {
  const { output } = session;
  const chosen = (['open', 'close', 'status', 'config', 'proxy', 'browser'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (chosen.length > 1 || (chosen.length === 1 && words.length > 0))
    throw new UserError(`Cannot do what --${chosen[0] ?? ''} says and something else at once`, {
      hint: 'Give one of --open, --close, --status, --config and --browser, or a command.',
    });
  checkListen(options);
  if (options.as !== undefined && chosen.length > 0)
    throw new UserError(
      `Cannot use --as with --${chosen[0] ?? ''}: it says where a shell or a command runs`,
      {
        hint: 'Give it without, such as "tsk ssh --as sensor".',
      },
    );
  if (options.as !== undefined && options.with !== undefined)
    throw new UserError('Cannot use --as with --with: the sandbox of an app has none of the tools', {
      hint: 'Give it without --as: the root shell has the tools, and sees the processes and files of all apps.',
    });
  if (options.config === true) return printConfig(session, options);
  const device = await connect(session, options);
  if (options.status === true) {
    const status = await readSession(device.client);
    return output.result(status, describeStatus(device.client.device.name, status));
  }
  if (options.close === true) {
    await closeSession(device.client, false);
    return output.result({ closed: true }, `No break-glass session is open on ${device.client.device.name}.`);
  }
  if (options.as !== undefined) requireApp('enter', options.as, device.status);
  const key = await ensureSshKey(device.instance.stateDirectory);
  if (options.proxy === true) return carry(session, device, key);
  if (options.browser === true) return browse(session, device, await wishesOf(options, key));
  await requireTool('ssh');
  const opened = await openFor(session, device, await wishesOf(options, key));
  if (options.open !== undefined) {
    await planOf(device, key, opened, options);
    return output.result(opened.session, describeSession(device.client.device.name, opened.session));
  }
  const forSsh = behindDashes(words);
  const command = words.slice(0, words.length - forSsh.length);
  try {
    const plan = await planOf(device, key, opened, options);
    process.exitCode = await runClient(
      session,
      'ssh',
      [
        ...sshArguments(plan),
        ...clientOptions(options),
        // For a command ssh asks for no terminal by itself, and this one is a shell.
        ...(options.as !== undefined && command.length === 0 ? ['-t'] : []),
        ...forSsh,
        // What follows is no option, whatever it looks like.
        '--',
        plan.hostname,
        ...(options.as === undefined ? command : enterCommand(options.as, command)),
      ],
      opened.session,
    );
  } finally {
    await leaveSession(device.client);
  }
}

/** The page, with a terminal. */
async function browse(session: Session, device: OpenDevice, wishes: SessionWishes): Promise<void> {
  const { terminalKey } = await openFor(session, device, wishes);
  try {
    if (terminalKey === undefined)
      throw new UserError(`Cannot open a terminal on "${device.client.device.name}": its page has none`, {
        hint: 'It runs an image of before there was one: "tsk update" brings it, and "tsk ssh" works without.',
      });
    await showPage(session, device, { browser: true, stored: { [TERMINAL_KEY_STORED_AS]: terminalKey } });
  } finally {
    await leaveSession(device.client);
  }
}

/** What the person's ssh needs to get to the device by itself; the device need not be there. */
async function printConfig(session: Session, options: SshOptions): Promise<void> {
  const instance = await openInstance(session.instanceDirectory);
  const key = await ensureSshKey(instance.stateDirectory);
  process.stdout.write(sshConfig(planFor(instance, instance.config.hostname, key, options)));
}

async function wishesOf(
  { open, listen, key = [], with: tools = [] }: SshOptions,
  own: SshKey,
): Promise<SessionWishes> {
  const others = await Promise.all(key.map(readPublicKeys));
  return {
    lifetimeSec: typeof open === 'number' ? open : DEFAULT_LIFETIME_SEC,
    staysOpen: open !== undefined,
    listen: listen === true,
    sshKeys: [...new Set([own.publicKey, ...others.flat()])],
    tools,
  };
}

function checkListen({ open, listen, key }: SshOptions): void {
  if (listen === true && open === undefined)
    throw new UserError('Cannot listen without --open: who comes by port 22 is not waited for', {
      hint: 'Say for how long, such as "tsk ssh --open 2h --listen".',
    });
  if (key !== undefined && listen !== true)
    throw new UserError(
      'Cannot use --key without --listen: by the port of the page only this computer comes',
      {
        hint: 'Give both, such as "tsk ssh --open 2h --listen --key github:USER".',
      },
    );
}

/** ssh's own output is the connection: nothing else may be written to it. */
async function carry(session: Session, device: OpenDevice, key: SshKey): Promise<void> {
  const known = process.env[SESSION_VARIABLE];
  let id = known;
  if (id === undefined || id === '') {
    const opened = await openFor(session, device, await wishesOf({}, key));
    await pinHostKey(
      device.instance.stateDirectory,
      device.status.system.hostname,
      opened.hostKey,
      device.client.address.tls,
    );
    id = opened.session.id;
  }
  await carryConnection(device.client, id, process.stdin, process.stdout);
  process.exit(0);
}

function enterCommand(app: string, command: readonly string[]): string[] {
  return [ENTER, app, ...(command.length === 0 ? [] : [shellWord(command.join(' '))])];
}

function clientOptions(options: SshOptions): string[] {
  return [
    ...(options.localForward ?? []).flatMap((spec) => ['-L', spec]),
    ...(options.remoteForward ?? []).flatMap((spec) => ['-R', spec]),
    ...(options.dynamicForward ?? []).flatMap((port) => ['-D', port]),
    ...(options.onlyForward === true ? ['-N'] : []),
    ...(options.verbose === true ? ['-v'] : []),
  ];
}

/** Words that came after `--`: commander does not tell. */
function behindDashes(words: readonly string[]): string[] {
  const at = process.argv.indexOf('--');
  const count = at < 0 ? 0 : process.argv.length - at - 1;
  return count === 0 ? [] : words.slice(-count);
}
