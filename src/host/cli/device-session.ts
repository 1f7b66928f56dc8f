// What the verbs that operate a device have in common.

import { Option } from 'commander';
import type { FindOptions } from '../devices/find-device.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import { nearestName } from '../nearest-name.ts';
import { UserError } from '../user-error.ts';
import type { Session } from './session.ts';

export interface DeviceOptions {
  host?: string;
  insecureHttp?: boolean;
}

export function hostOption(): Option {
  return new Option(
    '--host <host>',
    'name or address of the device, with :PORT where it is not the usual one',
  );
}

export function insecureHttpOption(): Option {
  return new Option(
    '--insecure-http',
    'this time, speak to a device that has no TLS: the password is sent in clear',
  );
}

/** Text for the end of a description: where the device is found. */
export const WHICH_DEVICE =
  "The device is this instance's: its virtual machine if one runs, else the one that answers to its hostname.";

export async function connect(session: Session, options: DeviceOptions): Promise<OpenDevice> {
  const { openInstance } = await import('../config/instance.ts');
  const { openDevice } = await import('../devices/open-device.ts');
  const instance = await openInstance(session.instanceDirectory);
  return openDevice({
    instance,
    ...findOptions(options),
    signal: session.signal,
    warn: (text) => session.output.warn(text),
  });
}

export function findOptions({
  host,
  insecureHttp,
}: DeviceOptions): Pick<FindOptions, 'host' | 'insecureHttp'> {
  return { host, insecureHttp };
}

/** Refuses a name that is not among those that the device knows, with the nearest that is. */
export function requireName(
  act: string,
  name: string,
  known: readonly string[],
  problem = 'the device has nothing of that name',
): void {
  if (known.includes(name)) return;
  const nearest = nearestName(name, known);
  throw new UserError(`Cannot ${act} "${name}": ${problem}`, {
    hint: nearest === undefined ? `Choose from ${known.join(', ')}.` : `Did you mean ${nearest}?`,
  });
}

export function serviceNames(status: WebStatus): string[] {
  return status.services.map(({ name }) => name);
}
