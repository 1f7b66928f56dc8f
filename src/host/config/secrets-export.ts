// All secrets of an instance as one line of text: what `tsk key export` writes and `tsk key import` reads, and what the
// environment of a CI job holds. A key alone, as its PEM file has it, counts too.

import { UserError } from '../user-error.ts';
import {
  certificatesIn,
  type DeviceIdentity,
  formatIdentity,
  parseIdentity,
} from './identity/device-identity.ts';
import type { InstanceAppSecrets } from './app-secrets.ts';
import { formatKey, readUpdateKey, type UpdateKeys } from './update-keys.ts';

export interface ExportedSecrets {
  updateKeys: UpdateKeys;
  /** undefined: it is a key alone. */
  password: string | undefined;
  /** Hash with the salt of the instance: another salt would give other images of the same inputs. */
  passwordHash: string | undefined;
  /** undefined: it was exported by a tsk that knew of none. */
  identity: DeviceIdentity | undefined;
  /** undefined: the instance had none, or was exported before there were any. */
  apps: InstanceAppSecrets | undefined;
}

interface SecretsFile {
  formatVersion: 1;
  updateKey: string;
  previousUpdateKey?: string;
  password: string;
  passwordHash: string;
  /** Each a PEM file as `.tskrazy` has it. */
  identity?: { authority: string; device: string; previous?: string };
  /** Contents in base64, by app and name. */
  apps?: { salt: string; secrets: Record<string, Record<string, string>> };
}

export function formatSecrets(secrets: {
  updateKeys: UpdateKeys;
  password: string;
  passwordHash: string;
  identity: DeviceIdentity;
  apps: InstanceAppSecrets;
}): string {
  const { updateKeys, password, passwordHash, identity, apps } = secrets;
  const { current, previous } = updateKeys;
  const file: SecretsFile = {
    formatVersion: 1,
    updateKey: formatKey(current),
    ...(previous && { previousUpdateKey: formatKey(previous) }),
    password,
    passwordHash,
    identity: {
      authority: formatIdentity(identity.authority),
      device: formatIdentity(identity.device),
      ...(identity.previous.length > 0 && { previous: identity.previous.join('\n') }),
    },
    ...(Object.keys(apps.apps).length > 0 && { apps: formatApps(apps) }),
  };
  return JSON.stringify(file);
}

/** `source` is what the text came by, for messages: none of them has a word of the text. */
export function parseSecrets(text: string, source: string): ExportedSecrets {
  if (text.trimStart().startsWith('-----BEGIN')) {
    const current = readUpdateKey(source, text);
    const updateKeys = { current, previous: undefined };
    return {
      updateKeys,
      password: undefined,
      passwordHash: undefined,
      identity: undefined,
      apps: undefined,
    };
  }
  const file = parseFile(text);
  if (file === undefined) {
    throw new UserError(`Cannot use the secrets in "${source}": they are not what "tsk key export" writes`, {
      hint: 'Export them anew, where the instance has its key: "tsk key export FILE".',
    });
  }
  const { updateKey, previousUpdateKey, password, passwordHash, apps } = file;
  const previous = previousUpdateKey === undefined ? undefined : readUpdateKey(source, previousUpdateKey);
  const updateKeys = { current: readUpdateKey(source, updateKey), previous };
  const identity = readIdentity(file.identity, source);
  return { updateKeys, password, passwordHash, identity, apps: apps && parseApps(apps) };
}

function readIdentity(file: SecretsFile['identity'], source: string): DeviceIdentity | undefined {
  if (file === undefined) return undefined;
  const { authority, device, previous = '' } = file;
  return {
    authority: parseIdentity(authority, source),
    device: parseIdentity(device, source),
    previous: certificatesIn(previous),
  };
}

function formatApps({ salt, apps }: InstanceAppSecrets): NonNullable<SecretsFile['apps']> {
  return {
    salt,
    secrets: mapContents(apps, (content) => Buffer.from(content).toString('base64')),
  };
}

function parseApps({ salt, secrets }: NonNullable<SecretsFile['apps']>): InstanceAppSecrets {
  return { salt, apps: mapContents(secrets, (base64) => Buffer.from(base64, 'base64')) };
}

function mapContents<From, To>(
  apps: Readonly<Record<string, Readonly<Record<string, From>>>>,
  map: (content: From) => To,
): Record<string, Record<string, To>> {
  return Object.fromEntries(
    Object.entries(apps).map(([app, secrets]) => [
      app,
      Object.fromEntries(Object.entries(secrets).map(([name, content]) => [name, map(content)])),
    ]),
  );
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function parseFile(text: string): SecretsFile | undefined {
  try {
    const file = JSON.parse(text) as Partial<SecretsFile> | null;
    const isWhole =
      file?.formatVersion === 1 &&
      [file.updateKey, file.previousUpdateKey ?? 'none', file.password, file.passwordHash].every(isText) &&
      (file.identity === undefined || [file.identity.authority, file.identity.device].every(isText));
    return isWhole ? (file as SecretsFile) : undefined;
  } catch {
    // Cut off, or something else altogether.
    return undefined;
  }
}
