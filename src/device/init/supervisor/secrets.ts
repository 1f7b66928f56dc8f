// An app's secrets, out of its image into files that only the app reads.

import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  decodeAppSecrets,
  secretsFileOf,
  secretsRunDirectory,
} from '../../../shared/services/app-secrets.ts';
import type { ServiceSpec } from '../../../shared/services/services.ts';
import type { Sys } from '../../sys/sys.ts';

/** Before each start: another image may have others. `root` is that of the app's image. */
export function provideSecrets(sys: Sys, spec: ServiceSpec, root: string): void {
  removeSecrets(sys, spec.name);
  const { secrets: names = [] } = spec;
  if (names.length === 0) return;
  // What goes wrong is told by name: the error of a parser would quote what it read.
  const contents = readSecrets(sys, join(root, secretsFileOf(spec.name)));
  const directory = sys.path(secretsRunDirectory(spec.name));
  const uid = spec.user?.uid ?? process.getuid?.() ?? 0;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const content = contents?.[name];
    if (content === undefined)
      throw new Error(`Cannot provide the secret ${name}: the image does not have it`);
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600, flag: 'wx' });
    chmodSync(path, 0o400);
    chownSync(path, uid, uid);
  }
  chmodSync(directory, 0o500);
  chownSync(directory, uid, uid);
}

export function removeSecrets(sys: Sys, appName: string): void {
  rmSync(sys.path(secretsRunDirectory(appName)), { recursive: true, force: true });
}

function readSecrets(sys: Sys, path: string): ReturnType<typeof decodeAppSecrets> | undefined {
  try {
    return decodeAppSecrets(readFileSync(sys.path(path), 'utf8'));
  } catch {
    return undefined;
  }
}
