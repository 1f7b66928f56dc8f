// What a build is asked for, by every step of it.

import type { Board } from '../../shared/board/boards.ts';
import type { Instance } from '../config/instance.ts';
import type { InstanceSecrets } from '../config/instance-secrets.ts';
import type { ProgressReporter } from '../progress.ts';

export interface BuildOptions {
  instance: Instance;
  board: Board;
  offline: boolean;
  report: ProgressReporter;
  signal?: AbortSignal;
  /** Default: those of the instance's directory. */
  secrets?: InstanceSecrets;
}
