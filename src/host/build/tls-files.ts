// The files of the root by which the device proves who it is. They are root's alone; sandboxes hide their directory.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { IDENTITY_PATH, OWN_CERTIFICATE_PATH, OWN_KEY_PATH } from '../../shared/services/device-tls.ts';
import { type DeviceIdentity, formatIdentity } from '../config/identity/device-identity.ts';
import type { Instance } from '../config/instance.ts';
import { describeReadError } from '../files/read-error.ts';
import type { RootTree } from '../root-tree.ts';
import { UserError } from '../user-error.ts';

export function addTlsFiles(
  tree: RootTree,
  { config, directory }: Pick<Instance, 'config' | 'directory'>,
  identity: DeviceIdentity,
): void {
  const { tls, own } = config.web;
  if (tls === 'off') return;
  addFile(tree, IDENTITY_PATH, Buffer.from(`${formatIdentity(identity.device)}\n`));
  if (own === undefined) return;
  const certificate = readOwn(directory, own.certificate, 'web.certificate');
  const key = readOwn(directory, own.key, 'web.key');
  if (certificate) addFile(tree, OWN_CERTIFICATE_PATH, certificate);
  if (key) addFile(tree, OWN_KEY_PATH, key);
  if (certificate && key) checkPair(own, certificate, key);
}

/** undefined: it lies on the device. */
function readOwn(directory: string, path: string, where: string): Buffer | undefined {
  if (isAbsolute(path)) return undefined;
  try {
    return readFileSync(resolve(directory, path));
  } catch (cause) {
    throw describeReadError(cause, `Cannot use "${where}"`);
  }
}

function checkPair(own: { certificate: string; key: string }, certificate: Buffer, key: Buffer): void {
  try {
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return;
  } catch (cause) {
    throw new UserError(`Cannot use "${own.certificate}" and "${own.key}": they are not PEM files`, {
      cause,
      hint: 'The first has the certificate, then those between it and its authority; the second its private key, without a passphrase.',
    });
  }
  throw new UserError(
    `Cannot use "${own.certificate}" with "${own.key}": that is the key of another certificate`,
  );
}

function addFile(tree: RootTree, path: string, bytes: Uint8Array): void {
  tree.add({
    kind: 'file',
    path,
    mode: 0o400,
    layer: 'config',
    origin: 'tskrazy',
    content: { kind: 'bytes', bytes },
  });
}
