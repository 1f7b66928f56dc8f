// The lock of an instance, and the components that it pins. The first build of a board makes the lock's entries,
// as `tsk get` would.

import type { AppBuild } from '../apps/build-app.ts';
import { pinApps } from '../apps/pin-apps.ts';
import { defaultCacheDirectory } from '../cache-directory.ts';
import { componentNamesOf, optionalPartsOf } from '../components/component.ts';
import { loadComponents, resolveLock } from '../components/load-components.ts';
import { LOCK_FILE_NAME, type Lock, readLockFile, writeLockFile } from '../components/lock-file.ts';
import { UserError } from '../user-error.ts';
import type { BuildOptions } from './build-options.ts';
import type { Components } from './component-files.ts';

export async function loadInstanceComponents(
  options: BuildOptions,
): Promise<{ components: Components; lock: Lock }> {
  const lock = await ensureLock(options);
  const { instance, board, offline, report } = options;
  const components = await loadComponents({
    board,
    lock,
    cacheDirectory: defaultCacheDirectory(),
    offline,
    report,
    overrides: instance.config.components,
    names: componentNamesOf(board, optionalPartsOf(instance.config)),
  });
  return { components, lock };
}

async function ensureLock({ instance, board, offline, report, signal }: BuildOptions): Promise<Lock> {
  const previous = await readLockFile(instance.lockPath);
  if (offline) return previous ?? refuseOffline(instance.config.hostname);
  // Asks nobody for what the lock has already.
  const cacheDirectory = defaultCacheDirectory();
  const resolved = await resolveLock({
    board,
    update: false,
    overrides: instance.config.components,
    names: componentNamesOf(board, optionalPartsOf(instance.config)),
    cacheDirectory,
    report,
    ...(previous === undefined ? {} : { previous }),
  });
  const instanceDirectory = instance.directory;
  const context = {
    instanceDirectory,
    board,
    offline,
    cacheDirectory,
    report,
    ...(signal === undefined ? {} : { signal }),
  };
  if (resolved.lock !== previous) await writeLockFile(instance.lockPath, resolved.lock);
  const { lock } = await pinApps(resolved.lock, instance.config.apps, context, {
    update: false,
    withoutTool: 'refuse',
  });
  if (lock !== resolved.lock) await writeLockFile(instance.lockPath, lock);
  return lock;
}

/** What apps compile shows only when they are built. Entries of other boards stay. */
export async function pinCompiled(
  lockPath: string,
  lock: Lock,
  apps: readonly Pick<AppBuild, 'compiled'>[],
): Promise<void> {
  const compiled = Object.assign({}, lock.compiled, ...apps.map((app) => app.compiled)) as Record<
    string,
    string
  >;
  const isNew = Object.keys(compiled).some((key) => lock.compiled?.[key] === undefined);
  if (isNew) await writeLockFile(lockPath, { ...lock, compiled });
}

function refuseOffline(hostname: string): never {
  throw new UserError(`Cannot build "${hostname}" offline: there is no ${LOCK_FILE_NAME} yet`, {
    topic: 'offline',
    hint: 'Run "tsk get" while you are online.',
  });
}
