// The apps' part of the lock: what their sources meant when they were pinned is what everybody builds.

import type { Lock } from '../components/lock-file.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { PinContext, PinnedApps, PinOptions } from './app-context.ts';
import { APP_KINDS_OF_HOST } from './kinds.ts';
import { pinLibraries } from './libraries.ts';

export async function pinApps(
  lock: Lock,
  apps: readonly AppConfig[],
  context: PinContext,
  options: PinOptions,
): Promise<PinnedApps> {
  let pinned: PinnedApps = { lock, changes: [] };
  for (const kind of Object.values(APP_KINDS_OF_HOST)) {
    const next = await kind.pin?.(pinned.lock, apps, context, options);
    if (next) pinned = { lock: next.lock, changes: [...pinned.changes, ...next.changes] };
  }
  const { lock: last, changes } = await pinLibraries(pinned.lock, apps, context, options);
  // What is compiled is pinned by the next build.
  const { compiled, ...others } = last;
  const isStale = compiled !== undefined && (options.update || !apps.some((app) => app.compile === true));
  return { lock: isStale ? others : last, changes: [...pinned.changes, ...changes] };
}
