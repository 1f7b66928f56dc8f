// What tskrazy.json asks of the isolation of apps and the device could not give: refused here, at build time,
// rather than left without effect there.

import type { Board } from '../../shared/board/boards.ts';
import { uidOfApp } from '../../shared/services/sandbox.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { InstanceConfig } from '../config/instance-config.ts';
import { UserError } from '../user-error.ts';

export function checkIsolation(config: InstanceConfig, board: Board): void {
  // What a kernel of the user's own can do is the user's to know; init complains on the device.
  if (config.components.kernel === undefined) checkMemoryLimits(config.apps, board);
  for (const [index, app] of config.apps.entries()) {
    for (const other of config.apps.slice(0, index)) checkPair(app, other);
    for (const other of config.apps) if (other !== app) checkSharedPaths(app, other);
  }
}

function checkMemoryLimits(apps: readonly AppConfig[], board: Board): void {
  const limited = apps.find((app) => app.limits.memoryBytes !== undefined);
  if (limited === undefined || board.kernelFeatures.memoryController) return;
  throw new UserError(
    `Cannot limit the memory of app "${limited.name}": the kernel of board "${board.id}" has no memory controller`,
    {
      hint: 'Remove "memory", or use a kernel with CONFIG_MEMCG=y ("components": { "kernel": ... }).',
    },
  );
}

/**
 * Who may write above the directory could put a link in its place, and init gives away what is behind it. /perm itself
 * is root's, also for who may write below it.
 */
function checkSharedPaths(app: AppConfig, other: AppConfig): void {
  if (other.sandbox === 'off') return;
  const directory = app.dataDir ?? `/perm/${app.name}`;
  const shared = Object.entries(other.sandbox.paths).find(
    ([path, mode]) => mode === 'rw' && path !== '/perm' && directory.startsWith(`${path}/`),
  );
  if (shared === undefined) return;
  throw new UserError(
    `Cannot build app "${app.name}": its data directory "${directory}" lies in "${shared[0]}", where app ` +
      `"${other.name}" may write`,
    { hint: 'Give it a "dataDir" of its own, and share a directory beside it.' },
  );
}

function checkPair(app: AppConfig, other: AppConfig): void {
  if (app.user === 'root' && other.user === 'root') return;
  const [directory, otherDirectory] = [app, other].map((each) => `${each.dataDir ?? `/perm/${each.name}`}/`);
  const act = `Cannot build app "${app.name}"`;
  if (directory?.startsWith(otherDirectory ?? '') || otherDirectory?.startsWith(directory ?? '')) {
    throw new UserError(`${act}: its data directory and that of app "${other.name}" are not apart`, {
      hint: 'Give each its own "dataDir", and share a directory with "sandbox": { "paths": { "/perm/shared": "rw" } }.',
    });
  }
  if (uidOfApp(app.name) === uidOfApp(other.name)) {
    throw new UserError(`${act}: its name gives the same user as that of app "${other.name}"`, {
      hint: 'Give one of them another name.',
    });
  }
}
