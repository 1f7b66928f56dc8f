// The file on the device that a script of the inspector's protocol comes from.

import { fileURLToPath } from 'node:url';

/** undefined: it comes from none, as what Node.js brings and what is evaluated does. */
export function devicePath(url: string): string | undefined {
  if (url.startsWith('/')) return url;
  if (!url.startsWith('file:///')) return undefined;
  try {
    return fileURLToPath(url);
  } catch {
    return undefined;
  }
}
