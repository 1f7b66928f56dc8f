// What the verbs share that change what a device runs: how they speak to it, and as whom.

import type { Instance } from '../config/instance.ts';
import { readClientIdentity } from '../deploy/update/client-identity.ts';
import type { DeviceLink } from '../deploy/update/device-link.ts';
import { restartTimeOf } from '../deploy/update/restart-time.ts';
import { UpdateContext } from '../deploy/update/update-context.ts';
import type { DeviceOptions } from './device-session.ts';
import type { Session } from './session.ts';

export async function openUpdateContext(
  { output, signal }: Session,
  { stateDirectory }: Instance,
  link: DeviceLink,
  { host }: DeviceOptions,
): Promise<UpdateContext> {
  return new UpdateContext({
    link,
    client: await readClientIdentity(stateDirectory, host),
    report: output.progress,
    say: (text) => output.say(text),
    restartTime: restartTimeOf(stateDirectory, host ?? link.hostname),
    signal,
  });
}
