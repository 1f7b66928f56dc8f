// Where tsk keeps what can be fetched or made again, for all instances of a user: components (components/cache.ts),
// blocks of root images (build/packed-files.ts) and its own code as compiled by Node.js (compile-cache.ts).

import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './tool-environment.ts';

export function defaultCacheDirectory(environment: Environment = process.env): string {
  const base = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return join(base, 'tskrazy');
}
