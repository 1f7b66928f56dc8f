// What Node.js has made of tsk's own sources is kept between runs: stripping types and compiling is most of what a
// short run of tsk would otherwise cost.

import module from 'node:module';
import { join } from 'node:path';
import { defaultCacheDirectory } from './cache-directory.ts';
import { packageRoot } from './package-root.ts';

/**
 * To be called before the sources are loaded that it is for. A directory per version, which can be deleted with that.
 * Node.js itself tells its versions and the users apart, leaves out what it cannot write without a word, and obeys
 * NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE.
 */
export function enableCompileCache(): void {
  let cache;
  try {
    cache = defaultCacheDirectory();
  } catch {
    // A user without a home; what needs the cache says so.
    return;
  }
  module.enableCompileCache(join(cache, 'compiled', packageRoot().version));
}
