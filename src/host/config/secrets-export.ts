// All secrets of an instance as one line of text: what `tsk key export` writes and `tsk key import` reads, and what the
// environment of a CI job holds. A key alone, as its PEM file has it, counts too.

import { UserError } from '../user-error.ts';
import { formatKey, readUpdateKey, type UpdateKeys } from './update-keys.ts';

export interface ExportedSecrets {
  updateKeys: UpdateKeys;
  /** undefined: it is a key alone. */
  password: string | undefined;
  /** Hash with the salt of the instance: another salt would give other images of the same inputs. */
  passwordHash: string | undefined;
}

interface SecretsFile {
  formatVersion: 1;
  updateKey: string;
  previousUpdateKey?: string;
  password: string;
  passwordHash: string;
}

export function formatSecrets(secrets: {
  updateKeys: UpdateKeys;
  password: string;
  passwordHash: string;
}): string {
  const { updateKeys, password, passwordHash } = secrets;
  const { current, previous } = updateKeys;
  const file: SecretsFile = {
    formatVersion: 1,
    updateKey: formatKey(current),
    ...(previous && { previousUpdateKey: formatKey(previous) }),
    password,
    passwordHash,
  };
  return JSON.stringify(file);
}

/** `source` is what the text came by, for messages: none of them has a word of the text. */
export function parseSecrets(text: string, source: string): ExportedSecrets {
  if (text.trimStart().startsWith('-----BEGIN')) {
    const current = readUpdateKey(source, text);
    return { updateKeys: { current, previous: undefined }, password: undefined, passwordHash: undefined };
  }
  const file = parseFile(text);
  if (file === undefined) {
    throw new UserError(`Cannot use the secrets in "${source}": they are not what "tsk key export" writes`, {
      hint: 'Export them anew, where the instance has its key: "tsk key export FILE".',
    });
  }
  const { updateKey, previousUpdateKey, password, passwordHash } = file;
  const previous = previousUpdateKey === undefined ? undefined : readUpdateKey(source, previousUpdateKey);
  return { updateKeys: { current: readUpdateKey(source, updateKey), previous }, password, passwordHash };
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function parseFile(text: string): SecretsFile | undefined {
  try {
    const file = JSON.parse(text) as Partial<SecretsFile> | null;
    const isWhole =
      file?.formatVersion === 1 &&
      [file.updateKey, file.previousUpdateKey ?? 'none', file.password, file.passwordHash].every(isText);
    return isWhole ? (file as SecretsFile) : undefined;
  } catch {
    // Cut off, or something else altogether.
    return undefined;
  }
}
