// An npm app: a published program with its plugins, installed for the board as the lock says, in /app/NAME/node_modules.
// The program starts as a person would start it, and what it writes lies in its data directory.

import { join } from 'node:path';
import { UserError } from '../../user-error.ts';
import type { AppContext, AppProgram } from '../app-context.ts';
import { noShell } from '../no-shell.ts';
import { tellScripts } from '../packages/script-warnings.ts';
import type { RootEntry } from '../../root-tree.ts';
import type { LockedNpmProgram } from '../../components/locked-npm-tree.ts';
import { nodeProgram } from '../packages/app-node.ts';
import { engineWarnings } from '../packages/engine-warnings.ts';
import { nativeChoice } from '../packages/native-choice.ts';
import { nativeModules } from '../packages/native-modules.ts';
import { stagePinned } from '../packages/npm-stage.ts';
import { devicePackages, withGuardedNpm } from './device-packages.ts';
import { dataFiles } from './first-start.ts';
import { mainModule } from './main-module.ts';
import { lockKeyOf, type NpmApp, type NpmSpec } from './npm-spec.ts';
import { npmTree } from './npm-tree.ts';
import { changedTarballs, readSpecs } from './read-specs.ts';
import { launchOf } from './recipes.ts';

export async function buildNpmApp(
  app: NpmApp,
  context: AppContext,
  included: readonly RootEntry[],
): Promise<AppProgram> {
  const { instanceDirectory } = context;
  const locked = requireLocked(app, context);
  const specs = await readSpecs(app, instanceDirectory);
  requireUnchanged(app, specs, locked);
  const names = specs.map(({ name }) => name);
  const tree = {
    asked: specs.map(({ name, tarball }) => ({ name, ...(tarball && { tarball }) })),
    overrides: app.overrides,
    packages: locked.packages,
  };
  const root = await stagePinned(app, tree, instanceDirectory, context);
  const [name = ''] = names;
  const main = mainModule({
    appName: app.name,
    packageName: name,
    bin: app.bin,
    directory: join(root, 'node_modules', name),
  });
  const modules = await nativeModules(
    {
      ...(await nativeChoice(app, included, context)),
      layOut: (excluded) => npmTree(names, root, locked, excluded),
    },
    context,
  );
  const data = dataFiles(app, instanceDirectory);
  const shell = noShell(app);
  const dataDirectory = app.dataDir ?? `/perm/${app.name}`;
  const launch = launchOf(name, dataDirectory, app.installOnDevice);
  const modulesDirectory = `/app/${app.name}/node_modules`;
  const options = [...data.nodeArguments, ...shell.nodeArguments];
  const scripts = options.filter((word) => word !== '--require');
  const own = devicePackages(app, dataDirectory, modulesDirectory, scripts);
  return {
    kind: 'node',
    argv: [
      nodeProgram(app),
      // First, as the scripts that they name take them away from what the program forks.
      ...(own.before.length > 0 ? [] : options),
      ...main.nodeArguments,
      ...own.before,
      `${modulesDirectory}/${name}/${main.path}`,
      ...launch.args,
    ],
    // Programs look for their plugins there, instead of asking npm where it installs what is global.
    env: {
      NODE_ENV: 'production',
      ...own.env,
      ...main.env,
      ...launch.env,
    },
    entries: [...withGuardedNpm(app, modules.entries), ...data.entries, ...own.entries, shell.entry],
    inputs: [...specs.flatMap(({ tarball }) => tarball?.path ?? []), ...data.inputs],
    warnings: [
      ...engineWarnings(
        app,
        names.map((each) => ({ name: each, directory: join(root, 'node_modules', each) })),
        context,
      ),
      ...modules.warnings,
      ...tellScripts(app, modules.packages),
      ...data.warnings,
    ],
    leftOut: modules.leftOut,
    compiled: modules.compiled,
  };
}

function requireUnchanged(app: NpmApp, specs: readonly NpmSpec[], { packages }: LockedNpmProgram): void {
  const [changed] = changedTarballs(specs, packages);
  if (changed === undefined) return;
  throw new UserError(
    `Cannot build app "${app.name}": "${changed.text}" is not the file that tskrazy.lock.json pins`,
    { topic: 'npm-packages', hint: 'If it is meant to have changed, "tsk get" pins what it is now.' },
  );
}

function requireLocked(app: NpmApp, { lock, offline }: AppContext): LockedNpmProgram {
  const key = lockKeyOf(app);
  const locked = lock.npmPrograms?.[key];
  if (locked !== undefined) return locked;
  throw new UserError(
    `Cannot build app "${app.name}"${offline ? ' offline' : ''}: tskrazy.lock.json does not have "${key}" yet`,
    { topic: 'offline', hint: 'Run "tsk get" while you are online.' },
  );
}
