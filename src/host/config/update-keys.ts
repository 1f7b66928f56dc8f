// The keys that vouch for an instance's images: ed25519, PKCS#8 in PEM, drawn once like the password. After a
// rotation the key before goes on signing, for devices that do not know the new one yet, until it is retired.

import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  keyIdOf,
  type ManifestSignature,
  type TrustedKey,
} from '../../shared/manifest/manifest-signature.ts';
import { UserError } from '../user-error.ts';
import type { Instance } from './instance.ts';
import {
  movePrivateFile,
  readFileIfPresent,
  readOrCreatePrivateFile,
  replacePrivateFile,
} from '../files/private-file.ts';

export interface UpdateKey extends TrustedKey {
  /** Path of the file with the private key. */
  path: string;
  privateKey: KeyObject;
}

export interface UpdateKeys {
  current: UpdateKey;
  /** While a rotation goes on. */
  previous: UpdateKey | undefined;
}

type State = Pick<Instance, 'stateDirectory'>;

/** Draws the key when there is none. */
export async function ensureUpdateKeys(state: State): Promise<UpdateKeys> {
  const path = currentPath(state);
  const current = readUpdateKey(path, await readOrCreatePrivateFile(path, drawKey));
  return { current, previous: await readPreviousKey(state) };
}

/** undefined: there is none. */
export async function readUpdateKeys(state: State): Promise<UpdateKeys | undefined> {
  const path = currentPath(state);
  const text = await readFileIfPresent(path);
  return text === undefined
    ? undefined
    : { current: readUpdateKey(path, text), previous: await readPreviousKey(state) };
}

/** Puts keys in the place of those that are there. */
export async function replaceUpdateKeys(state: State, { current, previous }: UpdateKeys): Promise<void> {
  if (previous === undefined) await rm(previousPath(state), { force: true });
  else await replacePrivateFile(previousPath(state), formatKey(previous));
  await replacePrivateFile(currentPath(state), formatKey(current));
}

/** All keys that sign; the current one first. */
export function signingKeys({ current, previous }: UpdateKeys): UpdateKey[] {
  return previous === undefined || previous.id === current.id ? [current] : [current, previous];
}

/** One signature for each key that signs. */
export function signText(text: Uint8Array, keys: UpdateKeys): ManifestSignature[] {
  return signingKeys(keys).map(({ id, privateKey }) => ({
    keyId: id,
    signature: sign(null, text, privateKey).toString('base64'),
  }));
}

/** The present key becomes the previous one, and a new one is drawn. */
export async function rotateUpdateKey(state: State): Promise<UpdateKeys> {
  const { current } = await ensureUpdateKeys(state);
  // The new key takes the place of the old one only after that has its other name: a rotation that was cut off
  // in between has lost nothing, and is completed by the next.
  const path = previousPath(state);
  const kept = readUpdateKey(path, await readOrCreatePrivateFile(path, () => formatKey(current)));
  if (kept.id !== current.id) {
    throw new UserError(
      `Cannot rotate the update key: the last rotation is not over, as "${path}" is there`,
      {
        hint: 'When all your devices run an image that was built after it, end it with "tsk key retire".',
      },
    );
  }
  await replacePrivateFile(currentPath(state), drawKey());
  return ensureUpdateKeys(state);
}

/**
 * From now on only the present key signs and is trusted. The previous one is put aside rather than deleted: a device
 * that was forgotten takes updates of no other. Returns it, with the path where it lies now.
 */
export async function retireUpdateKey(state: State): Promise<UpdateKey> {
  const { current, previous } = await ensureUpdateKeys(state);
  // The same key twice: a rotation that was cut off, and has changed nothing yet.
  if (previous === undefined || previous.id === current.id) {
    throw new UserError('Cannot retire the previous update key: there is none', {
      hint: 'A new key is made with "tsk key rotate", and the present one becomes the previous one.',
    });
  }
  const path = join(state.stateDirectory, `update-key-retired-${previous.id}.pem`);
  await movePrivateFile(previous.path, path);
  return { ...previous, path };
}

async function readPreviousKey(state: State): Promise<UpdateKey | undefined> {
  const path = previousPath(state);
  const text = await readFileIfPresent(path);
  return text === undefined ? undefined : readUpdateKey(path, text);
}

function currentPath({ stateDirectory }: State): string {
  return join(stateDirectory, 'update-key.pem');
}

function previousPath({ stateDirectory }: State): string {
  return join(stateDirectory, 'update-key-previous.pem');
}

function drawKey(): string {
  const { privateKey } = generateKeyPairSync('ed25519');
  return formatKey({ privateKey });
}

export function formatKey({ privateKey }: Pick<UpdateKey, 'privateKey'>): string {
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).trim();
}

/** `path` is where it lies, or what else it came by. */
export function readUpdateKey(path: string, text: string): UpdateKey {
  const privateKey = parseKey(text);
  if (privateKey?.asymmetricKeyType !== 'ed25519') {
    throw new UserError(`Cannot use the update key in "${path}": it is no ed25519 private key in PEM`, {
      hint:
        'Put it back from a copy: your devices take only updates that are signed with it. Without a copy, delete the ' +
        'file to have a new key drawn, and write your devices anew with "tsk flash".',
    });
  }
  const { x = '' } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = Buffer.from(x, 'base64url');
  return { path, privateKey, id: keyIdOf(publicKey), publicKey: publicKey.toString('base64') };
}

function parseKey(text: string): KeyObject | undefined {
  try {
    return createPrivateKey(text);
  } catch {
    // Cut off, of another form, or protected by a passphrase.
    return undefined;
  }
}
