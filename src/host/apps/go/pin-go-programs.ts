// Go programs by import path in the lock: what their version meant when they were pinned is what everybody builds.

import { ComponentCache } from '../../components/cache.ts';
import { type Lock, type LockedGoProgram, stringifyValue } from '../../components/lock-file.ts';
import type { AppConfig } from '../../config/app-config.ts';
import type { AppContext } from '../app-context.ts';
import { explainBuildError } from '../build-app.ts';
import { isLocalGo, resolveGoProgram } from './go-program.ts';
import { requireGo } from './go-tool.ts';

type PinContext = Pick<AppContext, 'board' | 'cacheDirectory' | 'offline' | 'report' | 'signal'>;

interface PinChange {
  app: string;
  from: string | null;
  to: string;
}

/** `lock` itself when nothing changed. `update`: move every program to what its version means now. */
export async function pinGoPrograms(
  lock: Lock,
  apps: readonly AppConfig[],
  context: PinContext,
  update: boolean,
): Promise<{ lock: Lock; changes: PinChange[] }> {
  const before = lock.goPrograms ?? {};
  const changes: PinChange[] = [];
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
