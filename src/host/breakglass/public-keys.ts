// Keys of other people's and computers' ssh that a session takes besides: from a file, or those that a user of GitHub shows.

import { readFile } from 'node:fs/promises';
import { MAX_SSH_KEYS, SSH_KEY } from '../../shared/breakglass/breakglass-request.ts';
import { downloadText } from '../components/download.ts';
import { UserError } from '../user-error.ts';

const GITHUB = /^github:([A-Za-z0-9](?:[A-Za-z0-9-]{0,38}))$/;

/** `source`: `github:USER`, or the path of a file with lines such as `ssh-ed25519 AAAA... comment`. */
export async function readPublicKeys(source: string): Promise<string[]> {
  const user = GITHUB.exec(source)?.[1];
  const act = `Cannot take keys from "${source}"`;
  const text =
    user === undefined
      ? await readFile(source, 'utf8').catch((cause: NodeJS.ErrnoException) => {
          throw new UserError(
            `${act}: ${cause.code === 'ENOENT' ? 'there is no such file' : cause.message}`,
            { cause },
          );
        })
      : await downloadText(`https://github.com/${user}.keys`);
  if (text.includes('PRIVATE KEY'))
    throw new UserError(`${act}: it is a private key`, {
      hint: 'Give the file beside it that ends with ".pub".',
    });
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const keys = lines.map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '));
  const wrong = keys.find((key) => !SSH_KEY.test(key));
  if (wrong !== undefined)
    throw new UserError(`${act}: "${wrong.slice(0, 40)}" is no public key of ssh without options`);
  if (keys.length === 0 || keys.length >= MAX_SSH_KEYS)
    throw new UserError(`${act}: there are ${keys.length} keys, and it has to be 1 to ${MAX_SSH_KEYS - 1}`);
  return keys;
}
