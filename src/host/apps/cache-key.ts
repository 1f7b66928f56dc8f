// Names for what is in the cache, out of all that it depends on.

import { sha256Of } from '../components/file-hash.ts';

/** `parts`: anything that JSON can hold. */
export function cacheKeyOf(parts: unknown): string {
  return sha256Of(JSON.stringify(parts)).slice(0, 32);
}
