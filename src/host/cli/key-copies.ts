// What `tsk key export`, `import` and `new` do: the secrets of an instance on their way to another computer.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { replaceAppSecrets } from '../config/app-secrets.ts';
import { type Instance, openInstance } from '../config/instance.ts';
import {
  checkUpdateKey,
  countForDevices,
  isForMachinesOnly,
  openSecrets,
  secretsOfEnvironment,
} from '../config/instance-secrets.ts';
import { writeIdentity } from '../config/identity/device-identity.ts';
import { replacePrivateFile } from '../files/private-file.ts';
import { displayPath } from '../config/problem.ts';
import { formatSecrets, parseSecrets } from '../config/secrets-export.ts';
import {
  ensureUpdateKeys,
  readUpdateKeys,
  replaceUpdateKeys,
  type UpdateKeys,
} from '../config/update-keys.ts';
import { checkOutputTarget } from '../files/output-file.ts';
import { describeReadError } from '../files/read-error.ts';
import { writeProblem } from '../files/write-problem.ts';
import { UserError } from '../user-error.ts';
import type { Session } from './session.ts';

export async function exportSecrets({ instanceDirectory, output }: Session, file: string): Promise<void> {
  const instance = await openInstance(instanceDirectory);
  await checkOutputTarget(file, 'the secrets');
  const secrets = await openSecrets(instance, { for: 'device', notice: (text) => output.notice(text) });
  try {
    // `wx`: a copy of other secrets may be the only one.
    await writeFile(file, `${formatSecrets(secrets)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const problem = isThere ? 'it is there already' : writeProblem(cause);
    if (problem === undefined) throw cause;
    throw new UserError(`Cannot export to "${file}": ${problem}`, { cause, hint: 'Name another file.' });
  }
  output.result(
    { file, keyId: secrets.updateKeys.current.id },
    `Wrote update key ${secrets.updateKeys.current.id}, the password and the secrets of apps to ${displayPath(file)}. Whoever has that file may update the device.`,
  );
}

export async function importSecrets(
  { instanceDirectory, output }: Session,
  file: string,
  options: { replace: boolean },
): Promise<void> {
  const instance = await openInstance(instanceDirectory);
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw describeReadError(cause, 'Cannot import');
  });
  const { updateKeys, password, passwordHash, identity, apps } = parseSecrets(text, file);
  const present = await readUpdateKeys(instance);
  const isOther = present !== undefined && present.current.id !== updateKeys.current.id;
  if (isOther && !options.replace && !isForMachinesOnly(instance)) {
    throw new UserError(
      `Cannot import key ${updateKeys.current.id}: the instance has another one, ${present.current.id}`,
      { hint: 'Export that one first ("tsk key export FILE"), then add --replace.' },
    );
  }
  const { stateDirectory } = instance;
  await replaceUpdateKeys(instance, updateKeys);
  if (password !== undefined) await replacePrivateFile(join(stateDirectory, 'password'), password);
  if (passwordHash !== undefined)
    await replacePrivateFile(join(stateDirectory, 'password-hash'), passwordHash);
  if (identity !== undefined) await writeIdentity(instance, identity);
  if (apps !== undefined) await replaceAppSecrets(instance, apps);
  await countForDevices(instance);
  const what = password === undefined ? '' : ' and the password';
  output.result(
    { keyId: updateKeys.current.id, password: password !== undefined, apps: Object.keys(apps?.apps ?? {}) },
    `Put update key ${updateKeys.current.id}${what} into ${displayPath(stateDirectory)}.`,
  );
}

/** Of a computer that is to sign with a key of its own. */
export async function makeOwnKey({ instanceDirectory }: Session): Promise<UpdateKeys> {
  const instance = await openInstance(instanceDirectory);
  const present = await readUpdateKeys(instance);
  if (present !== undefined && !isForMachinesOnly(instance)) {
    throw new UserError(`Cannot make a key: the instance has one, ${present.current.id}`, {
      hint: '"tsk key show" prints it, and "tsk key rotate" goes over to a new one.',
    });
  }
  await countForDevices(instance);
  return ensureUpdateKeys(instance);
}

/** To change the key: that of this directory, and not one that stands in for it or is elsewhere. */
export async function openToChangeKey({ instanceDirectory }: Session): Promise<Instance> {
  const instance = await openInstance(instanceDirectory);
  const given = await secretsOfEnvironment(process.env);
  if (given !== undefined) {
    throw new UserError(`Cannot change the update key: it comes from "${given.source}" in this environment`, {
      hint: 'Unset TSK_KEY and TSK_KEY_FILE, or change it on the computer where the instance has its key.',
    });
  }
  await checkUpdateKey(instance, { for: 'device' });
  return instance;
}
