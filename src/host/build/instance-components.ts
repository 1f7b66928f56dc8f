// The components of an instance, as its lock pins them. The first build of a board makes the lock's entries,
// as `tsk get` would.

import { defaultCacheDirectory } from '../components/cache.ts';
import { loadComponents, resolveLock } from '../components/load-components.ts';
import { LOCK_FILE_NAME, type Lock, readLockFile, writeLockFile } from '../components/lock-file.ts';
import { COMPONENT_NAMES } from '../components/component.ts';
import { UserError } from '../user-error.ts';
import type { BuildOptions } from './build-image.ts';
import type { Components } from './component-files.ts';

export async function loadInstanceComponents(
  options: BuildOptions,
): Promise<{ components: Components; createdAtSec: number }> {
  const lock = await ensureLock(options);
  const { board, offline, report } = options;
  const cacheDirectory = defaultCacheDirectory();
  const components = await loadComponents({ board, lock, cacheDirectory, offline, report });
  return { components, createdAtSec: lock.createdAtSec };
}

async function ensureLock({ instance, board, offline, report }: BuildOptions): Promise<Lock> {
  const previous = await readLockFile(instance.lockPath);
  const locked = previous?.boards[board.id] ?? {};
  if (previous && COMPONENT_NAMES.every((name) => locked[name])) return previous;
  if (offline) {
    throw new UserError(
      `Cannot build "${instance.config.hostname}" offline: ${LOCK_FILE_NAME} does not pin the components of board "${board.id}" yet`,
      { hint: 'Run "tsk get" while you are online.' },
    );
  }
  const { lock } = await resolveLock({
    board,
    update: false,
    cacheDirectory: defaultCacheDirectory(),
    report,
    ...(previous === undefined ? {} : { previous }),
  });
  await writeLockFile(instance.lockPath, lock);
  return lock;
}
