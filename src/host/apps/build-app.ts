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
import { distinctWarnings } from './distinct-warnings.ts';
import { explainBuildError } from './explain-build-error.ts';
import { collectIncludes } from './include.ts';
import { APP_KINDS_OF_HOST } from './kinds.ts';
import { appLibraries } from './libraries.ts';
import { makeWritable } from './writable.ts';
import { type LeftOut, type LeftOutOfPackage, packageOrigin, sumLeftOut } from './left-out.ts';

export interface AppBuild {
  entries: RootEntry[];
  service: ServiceSpec;
  /** Files on the host that were read, for watching. */
  inputs: string[];
  /** Device path of a file -> its source map, which stays on the host. */
  sourceMaps: Map<string, string>;
  warnings: string[];
  leftOut: LeftOut[];
  /** Bytes of files that are left out, by the origin of those that are not: `app hub, package ws`. */
  leftOutBytes: ReadonlyMap<string, number>;
  /** Hashes of packages that were compiled, as the lock has them. */
  compiled: Readonly<Record<string, string>>;
}

export async function buildApp(app: AppConfig, context: AppContext): Promise<AppBuild> {
  try {
    return await build(app, context);
  } catch (error) {
    throw explainBuildError(error, app.name, context);
  }
}

async function build(configured: AppConfig, context: AppContext): Promise<AppBuild> {
  const libraries = await appLibraries(configured, context);
  const app = { ...configured, env: { ...configured.env, ...libraries.env } };
  const include = collectIncludes(app, context.instanceDirectory);
  const beside = [...include.entries, ...libraries.entries];
  const program = await buildProgram(app, context, beside);
  const entries = [...program.entries, ...beside];
  requireAddonsUsed(app, entries);
  const binaryWarnings = await checkBinaries(entries, { app, ...context });
  const placed = makeWritable(app, entries, program.argv);
  return {
    entries: [...placed.entries, ...secretEntries(app, context)],
    service: {
      name: app.name,
      kind: program.kind,
      argv: [...placed.argv, ...app.args],
      env: { TSK_APP_DIR: `/app/${app.name}`, ...program.env, ...app.env },
      ...(app.secrets === undefined ? {} : { secrets: app.secrets }),
      ...(app.writable === undefined ? {} : { writable: app.writable }),
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
    warnings: distinctWarnings(include.warnings, program.warnings, binaryWarnings),
    leftOut: sumLeftOut(program.leftOut ?? []),
    leftOutBytes: leftOutBytes(app.name, program.leftOut ?? []),
    compiled: program.compiled ?? {},
  };
}

/** One for a package that is not there would be missed on the device only. */
function requireAddonsUsed({ name, addons = {} }: AppConfig, entries: readonly RootEntry[]): void {
  for (const packageName of Object.keys(addons)) {
    if (entries.some(({ path }) => path.includes(`/node_modules/${packageName}/`) && path.endsWith('.node')))
      continue;
    throw new UserError(
      `Cannot build app "${name}": none of its packages is "${packageName}", for which it has "addons"`,
      {
        hint: `Take "${packageName}" out of apps.${name}.addons, or mend the name.`,
      },
    );
  }
}

function leftOutBytes(appName: string, files: readonly LeftOutOfPackage[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { packageName, sizeBytes } of files) {
    const origin = packageOrigin(appName, packageName);
    sums.set(origin, (sums.get(origin) ?? 0) + sizeBytes);
  }
  return sums;
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
