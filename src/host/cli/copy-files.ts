// What tsk cp does.

import { loginOfApp } from '../../shared/breakglass/breakglass-api.ts';
import { DEFAULT_LIFETIME_SEC } from '../../shared/breakglass/breakglass-request.ts';
import { requireTool, sshArguments } from '../breakglass/ssh-command.ts';
import { ensureSshKey } from '../breakglass/ssh-key.ts';
import { UserError } from '../user-error.ts';
import { connect, type DeviceOptions } from './device-session.ts';
import type { Session } from './session.ts';
import { leaveSession, openFor, planOf, requireApp, runClient } from './session-client.ts';

export interface CpOptions extends DeviceOptions {
  recursive?: boolean;
  /** Whose directory and user it is on the device. */
  app?: string;
}

export async function copyFiles(
  session: Session,
  paths: readonly string[],
  options: CpOptions,
): Promise<void> {
  const [from, to = ''] = [paths.slice(0, -1), paths.at(-1)];
  if (from.length === 0)
    throw new UserError(`Cannot copy "${to}": it is not said where to`, { hint: 'See "tsk cp --help".' });
  const isTo = isOnDevice(to);
  const onDevice = from.filter(isOnDevice);
  if (isTo ? onDevice.length > 0 : onDevice.length < from.length) {
    const misplaced = isTo ? onDevice.length : from.length - onDevice.length;
    const share = misplaced === from.length ? (misplaced === 1 ? 'both are' : 'all are') : 'some of them are';
    const where = `${share} ${isTo ? 'on the device' : 'here'}`;
    throw new UserError(`Cannot copy ${from.map((path) => `"${path}"`).join(', ')} to "${to}": ${where}`, {
      hint: 'A path of the device begins with a colon, such as :/tmp/x; the other one is of this computer.',
    });
  }
  await requireTool('scp');
  const device = await connect(session, options);
  const { app } = options;
  if (app !== undefined) requireApp('copy files of', app, device.status);
  const key = await ensureSshKey(device.instance.stateDirectory);
  const opened = await openFor(session, device, {
    lifetimeSec: DEFAULT_LIFETIME_SEC,
    staysOpen: false,
    listen: false,
    sshKeys: [key.publicKey],
    tools: [],
  });
  try {
    const plan = {
      ...(await planOf(device, key, opened, options)),
      ...(app !== undefined && { user: loginOfApp(app) }),
    };
    const place = (path: string): string =>
      isOnDevice(path) ? `${plan.hostname}:${path.slice(1)}` : localPath(path);
    const recursive = options.recursive === true ? ['-r'] : [];
    const args = [...sshArguments(plan), ...recursive, '--', ...[...from, to].map(place)];
    process.exitCode = await runClient(session, 'scp', args, opened.session);
  } finally {
    await leaveSession(device.client);
  }
}

function isOnDevice(path: string): boolean {
  return path.startsWith(':');
}

/** scp takes a colon for the end of a host's name, unless a slash comes before it. */
function localPath(path: string): string {
  return path.includes(':') && !path.startsWith('/') ? `./${path}` : path;
}
