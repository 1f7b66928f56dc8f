// The secrets of apps: files in `.tskrazy/secrets/APP/`, readable by their owner only, which the build puts where the app
// alone sees them. The names stand in tskrazy.json; a content stands nowhere else.

import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type AppSecrets, MAX_APP_SECRET_BYTES, SECRET_NAME } from '../../shared/services/app-secrets.ts';
import { APP_NAME } from '../../shared/app-name.ts';
import { UserError } from '../user-error.ts';
import type { AppConfig } from './app-config.ts';
import type { Instance } from './instance.ts';
import {
  describePrivateError,
  makePrivateDirectory,
  readOrCreatePrivateFile,
  replacePrivateFile,
} from '../files/private-file.ts';

/** All that an image of the instance needs, by app. */
export interface InstanceAppSecrets {
  /** Drawn once: see shared/services/app-secrets.ts. */
  salt: string;
  apps: Readonly<Record<string, AppSecrets>>;
}

type Place = Pick<Instance, 'stateDirectory'>;

const secretsDirectory = ({ stateDirectory }: Place): string => join(stateDirectory, 'secrets');
const saltPath = ({ stateDirectory }: Place): string => join(stateDirectory, 'secrets-salt');
const secretPath = (instance: Place, app: string, name: string): string =>
  join(secretsDirectory(instance), app, name);

/** Those that tskrazy.json names and that are set. `given`, from the environment of a CI job, comes before the files. */
export async function openAppSecrets(
  { config, ...place }: Pick<Instance, 'config' | 'stateDirectory'>,
  given?: InstanceAppSecrets,
): Promise<InstanceAppSecrets> {
  const apps: Record<string, AppSecrets> = {};
  for (const { name: app, secrets = [] } of config.apps) {
    const contents: Record<string, Uint8Array> = {};
    for (const name of secrets) {
      const content = (given && secretsOfApp(given, app)[name]) ?? (await readSecret(place, app, name));
      if (content !== undefined) contents[name] = content;
    }
    if (Object.keys(contents).length > 0) apps[app] = contents;
  }
  if (Object.keys(apps).length === 0) return { salt: given?.salt ?? '', apps };
  return { salt: given?.salt ?? (await openSalt(place)), apps };
}

/** Empty where it has none; an app may have the name of something that all objects have. */
export function secretsOfApp({ apps }: InstanceAppSecrets, app: string): AppSecrets {
  return (Object.hasOwn(apps, app) && apps[app]) || {};
}

/** Throws where a build lacks one, or has too much. */
export function checkAppSecrets(apps: readonly AppConfig[], secrets: InstanceAppSecrets): void {
  const missing = apps.flatMap(({ name: app, secrets: names = [] }) =>
    names
      .filter((name) => secretsOfApp(secrets, app)[name] === undefined)
      .map((name) => [app, name] as const),
  );
  if (missing.length > 0) throw notSet(missing);
  for (const [app, contents] of Object.entries(secrets.apps)) checkSize(app, contents);
}

function openSalt(instance: Place): Promise<string> {
  return readOrCreatePrivateFile(saltPath(instance), () => randomBytes(32).toString('hex'));
}

function checkSize(app: string, contents: AppSecrets): void {
  const sizeBytes = Object.values(contents).reduce((sum, { length }) => sum + length, 0);
  if (sizeBytes <= MAX_APP_SECRET_BYTES) return;
  throw new UserError(
    `Cannot build app "${app}": its secrets are ${sizeBytes} bytes, and ${MAX_APP_SECRET_BYTES} are allowed`,
    {
      hint: 'A secret is a token, a password or a key. What is larger goes into the data directory of the app.',
    },
  );
}

function notSet(missing: readonly (readonly [app: string, name: string])[]): UserError {
  const names = missing.map(([app, name]) => `${name} of app "${app}"`).join(', ');
  const commands = missing.map(([app, name]) => `"tsk secret set ${app} ${name}"`).join(', ');
  const [subject, asks] =
    missing.length === 1 ? [`secret ${names} is`, 'asks'] : [`secrets ${names} are`, 'ask'];
  return new UserError(`Cannot build: the ${subject} not set here`, {
    topic: 'secrets',
    hint: `${commands} ${asks} for the value. Another computer gets all secrets by "tsk key export" and "import".`,
  });
}

/** undefined: it is not set. */
async function readSecret(instance: Place, app: string, name: string): Promise<Uint8Array | undefined> {
  const path = secretPath(instance, app, name);
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) await chmod(path, 0o600).catch(() => undefined);
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw describePrivateError(error, path);
  }
}

export async function writeSecret(
  instance: Place,
  app: string,
  name: string,
  content: Uint8Array,
): Promise<void> {
  await makePrivateDirectory(secretsDirectory(instance));
  await makePrivateDirectory(join(secretsDirectory(instance), app));
  await replacePrivateFile(secretPath(instance, app, name), content);
}

/** Those of an export; others that are here stay. */
export async function replaceAppSecrets(instance: Place, { salt, apps }: InstanceAppSecrets): Promise<void> {
  await replacePrivateFile(saltPath(instance), salt);
  for (const [app, secrets] of Object.entries(apps)) {
    for (const [name, content] of Object.entries(secrets)) {
      // Both become paths, and the file may be somebody else's.
      if (!APP_NAME.test(app) || !SECRET_NAME.test(name))
        throw new UserError(`Cannot import the secret "${name}" of app "${app}": these are no such names`);
      await writeSecret(instance, app, name, content);
    }
  }
}

/** Whether there was one. */
export async function removeSecret(instance: Place, app: string, name: string): Promise<boolean> {
  try {
    await rm(secretPath(instance, app, name));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Names of all that are set, by app, whether tskrazy.json knows them or not. */
export async function listSecrets(instance: Place): Promise<Map<string, string[]>> {
  const directory = secretsDirectory(instance);
  const found = new Map<string, string[]>();
  for (const app of await namesIn(directory)) {
    const names = (await namesIn(join(directory, app))).filter((name) => SECRET_NAME.test(name));
    if (names.length > 0) found.set(app, names);
  }
  return found;
}

/**
 * The contents of all that are set, whether tskrazy.json knows them or not: those of the environment of a CI job, and those in
 * files, which may be what an earlier image has.
 */
export async function readAllSecrets(instance: Place, given?: InstanceAppSecrets): Promise<Uint8Array[]> {
  const contents = Object.values(given?.apps ?? {}).flatMap((secrets) => Object.values(secrets));
  for (const [app, names] of await listSecrets(instance)) {
    for (const name of names) {
      const content = await readSecret(instance, app, name);
      if (content !== undefined) contents.push(content);
    }
  }
  return contents;
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).toSorted();
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}
