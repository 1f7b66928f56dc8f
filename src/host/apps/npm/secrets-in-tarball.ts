// What a tarball of one's own may hold that is nobody else's: npm packs an `.env` and keys like all other files. A registry's
// packages are public already.

import { basename } from 'node:path';
import { isPrivateKey } from '../private-key.ts';

/** `.env.example` and the like say which settings there are. */
const SECRET_NAME =
  /^(?:\.env(?:\.(?!example$|sample$|template$|dist$|defaults$)[^/]+)?|\.npmrc|\.yarnrc\.yml|\.netrc|\.git-credentials|\.pgpass|\.htpasswd|id_(?:rsa|ecdsa|ed25519))$/;
const SECRET_DIRECTORY = /(?:^|\/)\.(?:aws|docker|git|gnupg|kube|ssh|tskrazy)\//;
const KEY_HEAD_BYTES = 256 * 1024;

export interface PackedFile {
  /** In the package. */
  path: string;
  bytes: Uint8Array;
}

/** What the first of them holds, in words; undefined: none holds a secret. */
export function secretAmong(files: readonly PackedFile[]): string | undefined {
  for (const { path, bytes } of files) {
    // What others have published is bundled there.
    if (`/${path}`.includes('/node_modules/')) continue;
    if (SECRET_DIRECTORY.test(path) || SECRET_NAME.test(basename(path)))
      return `"${path}", where people keep what is nobody else's`;
    if (isPrivateKey(Buffer.from(bytes.subarray(0, KEY_HEAD_BYTES)))) return `"${path}", a private key`;
  }
  return undefined;
}
