// The password of the instance's device, for logging in to it. Unlike a build, nothing here draws one: a
// device that runs already has another.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Instance } from '../config/instance.ts';
import { displayPath } from '../config/problem.ts';
import { secretsOfEnvironment } from '../config/instance-secrets.ts';
import { UserError } from '../user-error.ts';

export interface KnownPassword {
  password: string;
  /** The file as messages call it. */
  file: string;
}

export async function readInstancePassword(
  instance: Pick<Instance, 'stateDirectory' | 'config'>,
): Promise<KnownPassword> {
  const given = await secretsOfEnvironment(process.env);
  if (given?.secrets.password !== undefined) return { password: given.secrets.password, file: given.source };
  const path = join(instance.stateDirectory, 'password');
  const file = displayPath(path);
  const { hostname } = instance.config;
  try {
    const password = (await readFile(path, 'utf8')).trim();
    if (password !== '') return { password, file };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT') {
      throw new UserError(
        `Cannot log in to "${hostname}": "${file}" cannot be read: ${code ?? 'unknown error'}`,
        {
          cause,
        },
      );
    }
  }
  throw new UserError(`Cannot log in to "${hostname}": there is no password in "${file}"`, {
    topic: 'wrong-password',
    hint:
      'It is made by the first build and not committed. On the computer that built the device: "tsk key export FILE"; here:\n' +
      '"tsk key import FILE", or TSK_KEY_FILE=FILE in a CI job.',
  });
}
