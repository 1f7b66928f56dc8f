// What the sources of components get to work with.

import type { Board } from '../../shared/board/boards.ts';
import type { ComponentCache } from './cache.ts';
import type { ProgressReporter } from '../progress.ts';
import type { Environment } from '../tool-environment.ts';

export interface SourceContext {
  board: Board;
  cache: ComponentCache;
  /** Nothing may ask the network; caches of other tools count as being there. */
  offline: boolean;
  report: ProgressReporter;
  /** PATH says which tools there are; GOPROXY, npm_config_*, TSK_DEBIAN_MIRROR and the like are read from it. */
  environment: Environment;
}
