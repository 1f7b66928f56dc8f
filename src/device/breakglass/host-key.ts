// The key of a device's sshd: made when a session is opened for the first time, and kept in /perm, so that it outlives
// restarts and updates. Of root alone.

import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  formatOpensshPrivateKey,
  formatOpensshPublicKey,
  parseOpensshPrivateKey,
} from '../../formats/openssh-key.ts';
import { writeDurably } from '../durable-file.ts';

/** Its public half, as a line of known_hosts has it. One that cannot be read is replaced, as sshd could not either. */
export async function ensureHostKey(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  try {
    if (text !== undefined) return formatOpensshPublicKey(parseOpensshPrivateKey(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  const { privateKey } = generateKeyPairSync('ed25519');
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  writeDurably(path, formatOpensshPrivateKey(privateKey), 0o600);
  return formatOpensshPublicKey(privateKey);
}
