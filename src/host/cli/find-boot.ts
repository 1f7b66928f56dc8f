// A start of the device, as far as its logs are kept.

import type { BootRecord } from '../../shared/api/init-api.ts';
import type { OpenDevice } from '../devices/open-device.ts';
import { UserError } from '../user-error.ts';

export async function findBoot({ client, status }: OpenDevice, boot: number): Promise<BootRecord> {
  const boots = await client.boots();
  const found = boots.find((record) => record.boot === boot);
  const { hostname, perm } = status.system;
  if (found === undefined) {
    const oldest = boots.at(-1)?.boot ?? 0;
    const kept = oldest === 0 ? 'no earlier one is kept' : `the oldest that is kept is ${oldest}`;
    throw new UserError(`Cannot read the logs of boot ${boot} of "${hostname}": ${kept}`, {
      hint:
        perm.state === 'tmpfs'
          ? `Logs survive in /perm only, which is in memory on this device: ${perm.note ?? 'no reason is known'}`
          : oldest === 0
            ? 'It is the first start from this disk: "tsk flash", and "tsk vm run" without "--keep", begin anew.'
            : 'Old ones make room for new ones.',
    });
  }
  if (found.logs.length === 0) throw new UserError(`Cannot read the logs of boot ${boot}: it has left none`);
  return found;
}
