// Who updates: an id that a device knows its client by over lost connections, and a name for people.

import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { UpdateClient } from '../../../shared/update/update-api.ts';
import { clientName } from '../../client-name.ts';
import { readOrCreatePrivateFile } from '../../files/private-file.ts';

/** `host`: `--host`. The same client is who would have the same lock (update-lock.ts): it takes its session again. */
export async function readClientIdentity(
  stateDirectory: string,
  host: string | undefined,
): Promise<UpdateClient> {
  const drawn = await readOrCreatePrivateFile(join(stateDirectory, 'client-id'), randomUUID);
  // A directory that was copied to another computer, with all that is in it, is another client.
  const whole = JSON.stringify([drawn, hostname(), host]);
  const id = createHash('sha256').update(whole).digest('hex');
  return { id, name: clientName() };
}
