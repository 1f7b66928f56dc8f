// The device of an instance, found, logged in to and known to be the right one: what every verb that operates
// a device begins with.

import type { WebStatus } from '../../shared/api/web-api.ts';
import type { Instance } from '../config/instance.ts';
import { type DeviceAddress, formatDeviceAddress } from './device-address.ts';
import { DeviceClient } from './device-client.ts';
import { checkIdentity } from './device-problems.ts';
import { type FindOptions, findDevice } from './find-device.ts';
import { readInstancePassword } from './instance-password.ts';

export interface OpenDevice {
  client: DeviceClient;
  status: WebStatus;
  instance: Instance;
}

function inClear(address: DeviceAddress): string {
  return `The password was sent in clear, to whoever is at ${formatDeviceAddress(address)}`;
}

export async function openDevice(
  options: FindOptions & { warn: (text: string) => void },
): Promise<OpenDevice> {
  const { instance, signal } = options;
  const password = await readInstancePassword(instance);
  const patience = { tell: options.warn };
  const client = new DeviceClient(await findDevice(options), password, signal, patience);
  const status = await client.status();
  if (options.insecureHttp === true && !client.address.tls) options.warn(inClear(client.address));
  const doubt = checkIdentity(client.device, client.address, status);
  if (doubt !== undefined) options.warn(doubt);
  return { client, status, instance };
}
