// package.json and lock files as npm and Node.js read them: also with a byte order mark, which some editors write.

import { readFileSync } from 'node:fs';
import { UserError } from '../../user-error.ts';

/** Fields are as whoever wrote the file left them. */
export function readPackageJson<Fields extends object>(path: string): Partial<Fields> {
  const text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new UserError(`Cannot read "${path}": ${(cause as SyntaxError).message}`, { cause });
  }
  return typeof json === 'object' && json !== null ? json : {};
}
