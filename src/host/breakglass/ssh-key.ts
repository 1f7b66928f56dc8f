// The key that the person's ssh logs in with: of the instance and this computer, made once. It opens nothing by itself: a
// device takes it only for the time of a session, whose request names it and is signed with an update key.

import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import {
  formatOpensshPrivateKey,
  formatOpensshPublicKey,
  parseOpensshPrivateKey,
} from '../../formats/openssh-key.ts';
import { readOrCreatePrivateFile } from '../files/private-file.ts';
import { UserError } from '../user-error.ts';

export interface SshKey {
  path: string;
  /** `ssh-ed25519 AAAA...` */
  publicKey: string;
}

export async function ensureSshKey(stateDirectory: string): Promise<SshKey> {
  const path = join(stateDirectory, 'ssh-key');
  const text = await readOrCreatePrivateFile(path, () =>
    formatOpensshPrivateKey(generateKeyPairSync('ed25519').privateKey),
  );
  try {
    return { path, publicKey: formatOpensshPublicKey(parseOpensshPrivateKey(`${text.trim()}\n`)) };
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UserError(`Cannot use the SSH key in "${path}": it is no ed25519 key of OpenSSH`, {
      hint: 'Delete the file: a new one is made then, and nothing is lost with it.',
      cause,
    });
  }
}
