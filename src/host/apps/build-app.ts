// An app of the instance -> its files in the root tree and its service.

import { listWords } from '../../shared/config/parts.ts';
import { APP_KIND_NAMES } from '../../shared/services/app-kinds.ts';
import { encodeAppSecrets, secretsFileOf } from '../../shared/services/app-secrets.ts';
import { uidOfApp } from '../../shared/services/sandbox.ts';
import type { ServiceSpec } from '../../shared/services/services.ts';
import type { RootEntry, RootFile } from '../root-tree.ts';
import { UserError } from '../user-error.ts';
import type { AppConfig } from '../config/app-config.ts';
import { secretsOfApp } from '../config/app-secrets.ts';
import { checkBinaries } from './app-binaries.ts';
import type { AppContext, AppProgram } from './app-context.ts';
import { explainBuildError } from './explain-build-error.ts';
import { collectIncludes } from './include.ts';
import { APP_KINDS_OF_HOST } from './kinds.ts';
import { type LeftOut, sumLeftOut } from './left-out.ts';

export interface AppBuild {
  entries: RootEntry[];
  service: ServiceSpec;
  /** Files on the host that were read, for watching. */
  inputs: string[];
  /** Device path of a file -> its source map, which stays on the host. */
  sourceMaps: Map<string, string>;
  warnings: string[];
  leftOut: LeftOut[];
}

export async function buildApp(app: AppConfig, context: AppContext): Promise<AppBuild> {
  try {
    return await build(app, context);
  } catch (error) {
    throw explainBuildError(error, app.name, context);
  }
}

async function build(app: AppConfig, context: AppContext): Promise<AppBuild> {
  const include = collectIncludes(app, context.instanceDirectory);
  const program = await buildProgram(app, context, include.entries);
  const entries = [...program.entries, ...include.entries];
  const binaryWarnings = await checkBinaries(entries, { app, ...context });
  return {
    entries: [...entries, ...secretEntries(app, context)],
    service: {
      name: app.name,
      kind: program.kind,
      argv: [...program.argv, ...app.args],
      env: { TSK_APP_DIR: `/app/${app.name}`, ...program.env, ...app.env },
      ...(app.secrets === undefined ? {} : { secrets: app.secrets }),
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
      ...(app.ports === undefined ? {} : { ports: app.ports }),
      ...(app.network === undefined ? {} : { network: app.network }),
    },
    inputs: [...new Set([...program.inputs, ...include.inputs])].toSorted(),
    sourceMaps: program.sourceMaps ?? new Map<string, string>(),
    warnings: [...include.warnings, ...(program.warnings ?? []), ...binaryWarnings],
    leftOut: sumLeftOut(program.leftOut ?? []),
  };
}

function secretEntries({ name }: AppConfig, { secrets }: AppContext): RootFile[] {
  const own = secretsOfApp(secrets, name);
  if (Object.keys(own).length === 0) return [];
  return [
    {
      kind: 'file',
      path: secretsFileOf(name),
      mode: 0o400,
      layer: `app:${name}`,
      origin: `app ${name}`,
      // Bytes, and no file on the disk: the cache keeps those that it has compressed.
      content: { kind: 'bytes', bytes: encodeAppSecrets(own, secrets.salt) },
    },
  ];
}

function buildProgram(
  app: AppConfig,
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  for (const kind of APP_KIND_NAMES) {
    const source = app[kind];
    if (source !== undefined) return APP_KINDS_OF_HOST[kind].build(app, source, context, included);
  }
  throw new UserError(`Cannot build app "${app.name}": it has no source`, {
    hint: `Give apps.${app.name} one of ${listWords(APP_KIND_NAMES, 'and')} in tskrazy.json.`,
  });
}
