// The directories above one, for what is looked for from the inside out.

import { dirname, resolve } from 'node:path';

/** The directory itself first, the root last. */
export function ancestors(directory: string): string[] {
  const parent = dirname(resolve(directory));
  return parent === directory ? [directory] : [directory, ...ancestors(parent)];
}
