// The keys that permits are signed with: those that updates of the instance are.

import type { Instance } from '../config/instance.ts';
import { secretsOfEnvironment } from '../config/instance-secrets.ts';
import { readUpdateKeys, type UpdateKeys } from '../config/update-keys.ts';
import { UserError } from '../user-error.ts';

/** None is drawn: no device would know it. `act`: what they are for, as in AskOptions. */
export async function permitKeys(instance: Instance, act: string): Promise<UpdateKeys> {
  const given = await secretsOfEnvironment(process.env);
  const keys = given?.secrets.updateKeys ?? (await readUpdateKeys(instance));
  if (keys !== undefined) return keys;
  throw new UserError(`Cannot ${act}: the update key of this instance is not on this computer`, {
    topic: 'update-key',
    hint: 'Who may update a device may look into it. Where the key is: "tsk key export FILE"; here: "tsk key import FILE".',
  });
}
