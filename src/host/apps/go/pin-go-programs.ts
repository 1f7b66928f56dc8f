// Go programs by import path in the lock: what their version meant when they were pinned is what everybody builds.

import { ComponentCache } from '../../components/cache.ts';
import { type Lock, type LockedGoProgram, stringifyValue } from '../../components/lock-file.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { PinContext, PinnedApps, PinOptions } from '../app-context.ts';
import { explainBuildError } from '../explain-build-error.ts';
import { findTool } from '../../run-tool.ts';
import { isLocalGo, resolveGoProgram } from './go-program.ts';
import { requireGo } from './go-tool.ts';

export async function pinGoPrograms(
  lock: Lock,
  apps: readonly AppConfig[],
  context: PinContext,
  { update, withoutTool }: PinOptions,
): Promise<PinnedApps> {
  if (withoutTool === 'skip' && (await findTool('go', process.env)) === undefined)
    return { lock, changes: [] };
  const before = lock.goPrograms ?? {};
  const changes: PinnedApps['changes'] = [];
  const pinned = new Map<string, LockedGoProgram>(update ? [] : Object.entries(before));
  for (const { name, go } of apps) {
    if (go === undefined || isLocalGo(go) || pinned.has(go)) continue;
    const locked = await pinOne({ name, go }, context);
    pinned.set(go, locked);
    const from = before[go];
    if (from === undefined || stringifyValue(from) !== stringifyValue(locked))
      changes.push({ app: name, from: from?.version ?? null, to: locked.version });
  }
  const goPrograms = Object.fromEntries(pinned);
  if (stringifyValue(goPrograms) === stringifyValue(before)) return { lock, changes };
  return { lock: { ...lock, goPrograms }, changes };
}

async function pinOne(app: { name: string; go: string }, context: PinContext): Promise<LockedGoProgram> {
  const step = context.report.start(`looking up app ${app.name} (${app.go})`);
  try {
    const go = await requireGo(app.name, context);
    const locked = await resolveGoProgram(app, go, new ComponentCache(context.cacheDirectory));
    step.done(locked.version);
    return locked;
  } catch (error) {
    throw explainBuildError(error, app.name, context);
  }
}
