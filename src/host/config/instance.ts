// An instance: the directory with tskrazy.json, and its private state beside it. The device's password is
// drawn once and kept where only its owner can read it; its hash is kept too, because a new salt at every
// build would give different images from the same inputs.

import { createHash, randomInt } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { hashPassword, verifyPassword } from '../../shared/api/password.ts';
import { UserError } from '../user-error.ts';
import { CONFIG_NAME } from './find-instance.ts';
import { resolveConfig, type InstanceConfig } from './instance-config.ts';
import { parseConfig } from './parse-config.ts';
import {
  makePrivateDirectory,
  readFileIfPresent,
  readOrCreatePrivateFile,
  replacePrivateFile,
} from '../files/private-file.ts';

export const STATE_DIRECTORY_NAME = '.tskrazy';

export interface Instance {
  /** Absolute, without symbolic links. */
  directory: string;
  configPath: string;
  config: InstanceConfig;
  lockPath: string;
  /** `.tskrazy`, mode 0700: password, update keys and build state; never committed. */
  stateDirectory: string;
}

/** The directory may not have one yet. */
export function configPathOf(directory: string): string {
  return join(resolve(directory), CONFIG_NAME);
}

export async function openInstance(directory: string): Promise<Instance> {
  const configPath = configPathOf(directory);
  const parsed = parseConfig(await readConfigText(configPath), configPath);
  // One directory, one name: a virtual machine is known by it, whatever links lead to the directory.
  const root = await realpath(directory === '' ? '.' : directory);
  const config = resolveConfig(parsed, root);
  const stateDirectory = join(root, STATE_DIRECTORY_NAME);
  await makePrivateDirectory(stateDirectory);
  return { directory: root, configPath, config, lockPath: join(root, 'tskrazy.lock.json'), stateDirectory };
}

/** Leaves out a byte order mark, which some editors write and JSON does not know. */
export async function readConfigText(configPath: string): Promise<string> {
  try {
    const text = await readFile(configPath, 'utf8');
    return text.replace(/^\uFEFF/, '');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const directory = resolve(configPath, '..');
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UserError(`Cannot open instance "${directory}": there is no "${basename(configPath)}"`, {
        topic: 'no-instance',
        hint: 'Change to the directory of your instance, name it with "tsk -i DIR", or make a new one with "tsk new".',
      });
    }
    throw new UserError(`Cannot read "${configPath}": ${describeReadError(code)}`, { cause });
  }
}

function describeReadError(code: string | undefined): string {
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'it is a directory';
  return code ?? 'unknown error';
}

const LENGTH = 20;
/** Letters without 0 O 1 l I: people read the password from one screen and type it into another. 57^20 is 116 bits. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export interface InstancePassword {
  password: string;
  hash: string;
}

/** Whoever edits `.tskrazy/password` has a new password with the next build. */
export async function ensurePassword(instance: Pick<Instance, 'stateDirectory'>): Promise<InstancePassword> {
  const passwordPath = join(instance.stateDirectory, 'password');
  const hashPath = join(instance.stateDirectory, 'password-hash');
  const password = await readOrCreatePrivateFile(passwordPath, drawPassword);
  if (password === '') {
    throw new UserError(`Cannot use the password in "${passwordPath}": the file is empty`, {
      hint: 'Write a password into it, or delete it to have a new one drawn.',
    });
  }
  const stored = await readOrCreatePrivateFile(hashPath, () => hashPassword(password));
  const checkedPath = join(instance.stateDirectory, 'password-checked');
  const checked = await readFileIfPresent(checkedPath);
  if (checked?.trim() === pairOf(password, stored)) return { password, hash: stored };
  const hash = isHashOf(stored, password) ? stored : hashPassword(password);
  if (hash !== stored) await replacePrivateFile(hashPath, hash);
  await replacePrivateFile(checkedPath, pairOf(password, hash));
  return { password, hash };
}

/**
 * Names a password and a hash that belong together. Such a pair is noted, because asking scrypt takes a tenth of a
 * rebuild's time; the note tells nobody more than the password, which lies beside it.
 */
function pairOf(password: string, hash: string): string {
  return createHash('sha256').update(`${hash}\n${password}`).digest('hex');
}

function drawPassword(): string {
  return Array.from({ length: LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}

export function isHashOf(hash: string, password: string): boolean {
  try {
    return verifyPassword(password, hash);
  } catch {
    // A text that is no hash (a file cut off by a full disk) is written anew.
    return false;
  }
}
