// An app of the instance -> its files in the root tree and its service.

import { uidOfApp } from '../../shared/services/sandbox.ts';
import type { ServiceSpec } from '../../shared/services/services.ts';
import type { RootEntry } from '../root-tree.ts';
import { explainComponentError } from '../components/component-error.ts';
import { describeReadError } from '../files/read-error.ts';
import { UserError } from '../user-error.ts';
import type { AppConfig } from '../config/app-config.ts';
import type { AppContext, AppProgram } from './app-context.ts';
import { buildBinaryApp } from './binary/binary-app.ts';
import { buildGoApp } from './go/go-app.ts';
import { collectIncludes } from './include.ts';
import { buildNodeApp } from './node/node-app.ts';

export interface AppBuild {
  entries: RootEntry[];
  service: ServiceSpec;
  /** Files on the host that were read, for watching. */
  inputs: string[];
  /** Device path of a file -> its source map, which stays on the host. */
  sourceMaps: Map<string, string>;
  warnings: string[];
}

export async function buildApp(app: AppConfig, context: AppContext): Promise<AppBuild> {
  try {
    return await build(app, context);
  } catch (error) {
    throw explainBuildError(error, app.name, context);
  }
}

export function explainBuildError(
  error: unknown,
  appName: string,
  { signal, cacheDirectory }: Pick<AppContext, 'cacheDirectory' | 'signal'>,
): unknown {
  // Ctrl-C reaches the tools as well: that they failed is not the news.
  signal?.throwIfAborted();
  const { path } = error as NodeJS.ErrnoException;
  if (path?.startsWith(cacheDirectory) !== true) {
    return describeReadError(error, `Cannot build app "${appName}"`);
  }
  return explainComponentError(appName, cacheDirectory, error);
}

async function build(app: AppConfig, context: AppContext): Promise<AppBuild> {
  const include = collectIncludes(app, context.instanceDirectory);
  const program = await buildProgram(app, context, include.entries);
  return {
    entries: [...program.entries, ...include.entries],
    service: {
      name: app.name,
      kind: program.kind,
      argv: [...program.argv, ...app.args],
      env: { TSK_APP_DIR: `/app/${app.name}`, ...program.env, ...app.env },
      dataDir: app.dataDir ?? `/perm/${app.name}`,
      restart: app.restart,
      autostart: app.autostart,
      stopTimeoutSec: app.stopTimeoutSec,
      ...(app.waitFor.length === 0 ? {} : { waitFor: app.waitFor }),
      ...(app.ready ? { ready: true } : {}),
      ...(app.health === undefined ? {} : { health: { url: app.health } }),
      ...(app.user === 'root' ? {} : { user: { name: app.name, uid: uidOfApp(app.name) } }),
      ...(app.sandbox === 'off' ? {} : { sandbox: app.sandbox }),
      limits: app.limits,
    },
    inputs: [...new Set([...program.inputs, ...include.inputs])].toSorted(),
    sourceMaps: program.sourceMaps ?? new Map<string, string>(),
    warnings: program.warnings ?? [],
  };
}

function buildProgram(
  app: AppConfig,
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  if (app.node !== undefined) return buildNodeApp({ ...app, node: app.node }, context, included);
  if (app.go !== undefined) return buildGoApp({ ...app, go: app.go }, context);
  if (app.binary !== undefined) return buildBinaryApp({ ...app, binary: app.binary }, context, included);
  throw new UserError(`Cannot build app "${app.name}": it has no source`, {
    hint: `Give apps.${app.name} one of "node", "go" and "binary" in tskrazy.json.`,
  });
}
