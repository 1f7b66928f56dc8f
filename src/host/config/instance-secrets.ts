// The secrets of an instance, for whoever builds it: its update key, its password and the identity of its device. By precedence they come from
// TSK_KEY, from the file that TSK_KEY_FILE names, or from `.tskrazy`, where they are drawn when the instance is new.
//
//   lock file   update key                 build, flash   update    vm run
//   none        none                       drawn          drawn     drawn
//   there       none                       refused        refused   drawn, for virtual machines only
//   there       for virtual machines only  refused        used      used
//   any         there                      used           used      used
//
// A lock file shows that the instance was built before: its devices trust a key that is somewhere else, and one that
// was drawn here without a word would make devices whose key is lost with this computer or CI job.

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { hashPassword } from '../../shared/api/password.ts';
import { describeReadError } from '../files/read-error.ts';
import { UserError } from '../user-error.ts';
import { type DeviceIdentity, ensureIdentity, readIdentity } from './identity/device-identity.ts';
import { type InstanceAppSecrets, openAppSecrets } from './app-secrets.ts';
import { ensurePassword, type Instance, isHashOf } from './instance.ts';
import { readFileIfPresent, readOrCreatePrivateFile } from '../files/private-file.ts';
import { displayPath } from './problem.ts';
import { type ExportedSecrets, parseSecrets } from './secrets-export.ts';
import { ensureUpdateKeys, readUpdateKeys, type UpdateKeys } from './update-keys.ts';

export interface InstanceSecrets {
  updateKeys: UpdateKeys;
  password: string;
  passwordHash: string;
  identity: DeviceIdentity;
  /** Secrets of apps; checkAppSecrets says which are missing. */
  apps: InstanceAppSecrets;
  from: 'directory' | 'environment';
}

export interface SecretsOptions {
  /** What they are wanted for. */
  for: 'device' | 'update' | 'virtual machine';
  /** Whoever asked means it: a new key, whatever other devices trust. */
  newKey?: boolean;
  /** What was made, in a sentence. */
  notice: (text: string) => void;
  environment?: Readonly<Record<string, string | undefined>>;
}

const FOR_MACHINES_ONLY = 'key-for-virtual-machines-only';

export async function openSecrets(instance: Instance, options: SecretsOptions): Promise<InstanceSecrets> {
  const given = await secretsOfEnvironment(options.environment ?? process.env);
  if (given !== undefined)
    return { ...fromEnvironment(given), apps: await openAppSecrets(instance, given.secrets.apps) };
  const key = await settleKey(instance, options);
  const hadPassword = (await readFileIfPresent(join(instance.stateDirectory, 'password'))) !== undefined;
  const { password, hash } = await ensurePassword(instance);
  const hadIdentity = (await readIdentity(instance)) !== undefined;
  const identity = await ensureIdentity(instance, options);
  if (key !== 'use' || !hadPassword) options.notice(describeMade(key, hadPassword, instance));
  else if (!hadIdentity) options.notice(describeIdentity(instance));
  return {
    updateKeys: await ensureUpdateKeys(instance),
    password,
    passwordHash: hash,
    identity,
    apps: await openAppSecrets(instance),
    from: 'directory',
  };
}

/** The password for people: a terminal of a CI job keeps what it shows. */
export function shownPassword({ password, from }: InstanceSecrets): string {
  return from === 'directory' ? password : '(that of TSK_KEY or TSK_KEY_FILE)';
}

/** The key alone; it is drawn where `openSecrets` would draw it. */
export async function openUpdateKeys(instance: Instance, options: SecretsOptions): Promise<UpdateKeys> {
  const given = await secretsOfEnvironment(options.environment ?? process.env);
  if (given !== undefined) return given.secrets.updateKeys;
  const key = await settleKey(instance, options);
  if (key !== 'use') options.notice(describeMade(key, true, instance));
  return ensureUpdateKeys(instance);
}

/** Throws what `openSecrets` would throw of the key, and makes nothing. */
export async function checkUpdateKey(
  instance: Instance,
  options: Pick<SecretsOptions, 'for' | 'newKey'>,
): Promise<void> {
  if ((await secretsOfEnvironment(process.env)) === undefined) await planKey(instance, options);
}

/** Whether the key that is there was only drawn for a look at a virtual machine. */
export function isForMachinesOnly({ stateDirectory }: Pick<Instance, 'stateDirectory'>): boolean {
  return existsSync(join(stateDirectory, FOR_MACHINES_ONLY));
}

export async function countForDevices({ stateDirectory }: Pick<Instance, 'stateDirectory'>): Promise<void> {
  await rm(join(stateDirectory, FOR_MACHINES_ONLY), { force: true });
}

/** undefined: they come from the directory. */
export async function secretsOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<{ secrets: ExportedSecrets; source: string } | undefined> {
  const { TSK_KEY: text = '', TSK_KEY_FILE: file = '' } = environment;
  if (text !== '') return { secrets: parseSecrets(text, 'TSK_KEY'), source: 'TSK_KEY' };
  if (file === '') return undefined;
  try {
    return { secrets: parseSecrets(await readFile(file, 'utf8'), file), source: file };
  } catch (cause) {
    throw describeReadError(cause, 'Cannot use the secrets of TSK_KEY_FILE');
  }
}

function fromEnvironment({
  secrets,
  source,
}: {
  secrets: ExportedSecrets;
  source: string;
}): Omit<InstanceSecrets, 'apps'> {
  const { updateKeys, password, passwordHash, identity } = secrets;
  if (password === undefined || identity === undefined) {
    const lacking = password === undefined ? 'password' : 'identity of the device';
    throw new UserError(`Cannot use the secrets in "${source}": there is a key in it, and no ${lacking}`, {
      hint: 'Export all of them, where the instance has them: "tsk key export FILE".',
    });
  }
  const isRight = passwordHash !== undefined && isHashOf(passwordHash, password);
  return {
    updateKeys,
    password,
    passwordHash: isRight ? passwordHash : hashPassword(password),
    identity,
    from: 'environment',
  };
}

/** What is to be done about the key: nothing, or one is to be drawn; or the present one is to count for devices, too. */
type KeyPlan = 'use' | 'draw' | 'draw for virtual machines' | 'count for devices';

async function planKey(
  instance: Instance,
  options: Pick<SecretsOptions, 'for' | 'newKey'>,
): Promise<KeyPlan> {
  const { newKey = false, for: use } = options;
  if ((await readUpdateKeys(instance)) === undefined) {
    if (newKey || !existsSync(instance.lockPath)) return 'draw';
    if (use === 'virtual machine') return 'draw for virtual machines';
    throw noKey(instance, 'is not there');
  }
  if (!isForMachinesOnly(instance) || (use !== 'device' && !newKey)) return 'use';
  if (newKey) return 'count for devices';
  throw noKey(instance, 'was made for virtual machines of this computer only');
}

async function settleKey(instance: Instance, options: SecretsOptions): Promise<KeyPlan> {
  const plan = await planKey(instance, options);
  if (plan === 'draw for virtual machines')
    await readOrCreatePrivateFile(join(instance.stateDirectory, FOR_MACHINES_ONLY), () => '');
  else if (plan !== 'use') await countForDevices(instance);
  return plan;
}

function noKey({ stateDirectory, config }: Instance, problem: string): UserError {
  const path = displayPath(join(stateDirectory, 'update-key.pem'));
  return new UserError(
    `Cannot sign an image of "${config.hostname}": its key, "${path}", ${problem}, and its lock file shows that it was built before`,
    {
      topic: 'update-key',
      hint:
        'Its devices take updates that are signed with that key, and no others. Where the key is: "tsk key export FILE";\n' +
        'here: "tsk key import FILE", or TSK_KEY_FILE=FILE in a CI job. If no device is to be kept: --new-key.',
    },
  );
}

function describeMade(key: KeyPlan, hadPassword: boolean, { stateDirectory }: Instance): string {
  const directory = displayPath(stateDirectory);
  if (key === 'draw for virtual machines')
    return (
      `Made an update key in ${directory} for virtual machines of this computer only: that of the devices is not here.\n` +
      'Before you build for a device: "tsk key import FILE".'
    );
  const what = [...(hadPassword ? [] : ['a password']), ...(key === 'use' ? [] : ['an update key'])];
  return `Made ${what.join(' and ')} in ${directory}: keep a copy ("tsk key export FILE").`;
}

/** Of an instance that is older than identities are. */
function describeIdentity({ stateDirectory }: Instance): string {
  return (
    `Made an identity in ${displayPath(stateDirectory)}, by which tsk knows the device: keep a copy of it with the key\n` +
    '("tsk key export FILE"). The device has it from its next update on.'
  );
}
