// The toolbox for a device: pinned in the instance's lock like all components, fetched into the cache, packed.

import type { Board } from '../../shared/board/boards.ts';
import { defaultCacheDirectory } from '../cache-directory.ts';
import { loadComponents, loadTools, resolveLock } from '../components/load-components.ts';
import { resolveTools } from '../components/resolve-lock.ts';
import { readLockFile, writeLockFile } from '../components/lock-file.ts';
import type { Instance } from '../config/instance.ts';
import type { ProgressReporter } from '../progress.ts';
import { ownTool } from './own-tool.ts';
import { filesOf, mergeFiles, ownFiles, packToolbox, type Toolbox } from './pack-toolbox.ts';

const NAMES = ['toolbox'] as const;

export interface ToolboxOptions {
  instance: Instance;
  /** Of the device that it is for: a virtual machine may be of another board than the instance. */
  board: Board;
  /** Packages of Debian by name; paths of one's own programs and directories have a slash in them. */
  tools: readonly string[];
  report: ProgressReporter;
}

export async function loadToolbox({ instance, board, tools, report }: ToolboxOptions): Promise<Toolbox> {
  const cacheDirectory = defaultCacheDirectory();
  const previous = await readLockFile(instance.lockPath);
  const packages = tools.filter((tool) => !tool.includes('/'));
  const own = await Promise.all(
    tools.filter((tool) => tool.includes('/')).map((path) => ownTool(path, board)),
  );
  const shared = { board, update: false, cacheDirectory, report };
  const base = await resolveLock({ ...shared, ...(previous && { previous }), names: NAMES });
  const lock = await resolveTools({ ...shared, previous: base.lock, tools: packages });
  if (lock !== previous) await writeLockFile(instance.lockPath, lock);
  const options = { board, lock, cacheDirectory, offline: false, report };
  const components = [
    ...(await loadComponents({ ...options, names: NAMES })).values(),
    ...(await loadTools(options, packages)),
  ];
  return packToolbox(mergeFiles(...components.map(filesOf), ...own, ownFiles()), cacheDirectory);
}
