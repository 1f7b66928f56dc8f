// The authorities by which `tsk` knows the devices of an instance: the present one, and those of before a rotation that
// is not over. Unlike a build, nothing here makes one: a device that runs already has another.

import { X509Certificate } from 'node:crypto';
import type { Instance } from './instance.ts';
import { secretsOfEnvironment } from './instance-secrets.ts';
import { readIdentity } from './identity/device-identity.ts';

/** None: the instance has no identity here. */
export async function readAuthorities(
  instance: Pick<Instance, 'stateDirectory'>,
): Promise<readonly X509Certificate[]> {
  const given = await secretsOfEnvironment(process.env);
  const identity = given?.secrets.identity ?? (await readIdentity(instance));
  if (identity === undefined) return [];
  return [identity.authority.certificate, ...identity.previous].map((pem) => new X509Certificate(pem));
}
