// What a bundle must not have in it, however an import names it. Nothing of a package runs while an app is bundled, but it can
// name any file of this computer that the bundler can read (JSON, and any text by an import attribute), and read in the app
// what it has named: keys of the instance, logins of other programs.

import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import type { Metafile } from 'esbuild';
import { STATE_DIRECTORY_NAME } from '../../config/instance.ts';
import { ancestors } from '../../files/ancestors.ts';
import { UserError } from '../../user-error.ts';
import { packageNameOf, packageOwning } from '../packages/npm-package.ts';

interface Edge {
  appName: string;
  instanceDirectory: string;
  importer: string;
  /** As it is written. */
  specifier: string;
  target: string;
}

/** `isFile`: whether an input is a file, and not made up by a plugin. Throws a UserError. */
export function refuseStrayImports(
  { inputs }: Metafile,
  app: Pick<Edge, 'appName' | 'instanceDirectory'>,
  isFile: (input: string) => boolean,
): void {
  const files = Object.entries(inputs)
    .filter(([input]) => isFile(input))
    .map(([input, { imports }]) => ({ path: resolve(app.instanceDirectory, input), imports }));
  for (const { path: importer, imports } of files) {
    for (const { path, original = path, external = false } of imports) {
      // `require('./' + name)` is said to be external, and the files that the bundler has found for it to be nobody's.
      if (external && path.startsWith('.') && path.includes('*'))
        refuseStray({ ...app, importer, specifier: path, target: resolve(dirname(importer), path) });
      if (external || !isFile(path)) continue;
      const target = resolve(app.instanceDirectory, path);
      refuseStray({ ...app, importer, specifier: original, target });
    }
  }
  const state = files.find(({ path }) => isState(path, app.instanceDirectory));
  if (state !== undefined) throw stateImported({ ...app, importer: undefined, target: state.path });
}

function isState(path: string, instanceDirectory: string): boolean {
  return relative(instanceDirectory, path).split(sep).includes(STATE_DIRECTORY_NAME);
}

function refuseStray(edge: Edge): void {
  const { instanceDirectory, importer, specifier, target } = edge;
  if (isState(target, instanceDirectory)) throw stateImported(edge);
  const owner = packageOwning(importer);
  if (isPath(specifier)) {
    // Packages may name files of each other: all of that is published.
    if (owner !== undefined && packageOwning(target) === undefined) throw strayImport(edge, owner);
    return;
  }
  if (packageOwning(target) !== undefined) return;
  const name = packageNameOf(specifier);
  const place = placeOf(name, importer);
  // Without one, `paths` of a tsconfig.json has led there, which bundlers take from a person's own only.
  if (place === undefined) {
    if (owner !== undefined) throw strayImport(edge, owner);
    return;
  }
  // A member of a workspace, a directory that is linked; or again `paths`, to a file of the project.
  const isOwn = owner === undefined && isWithin(target, place.project);
  if (!isWithin(target, place.linked) && !isOwn) throw strayPackage(edge, name);
}

function isPath(specifier: string): boolean {
  return /^(?:\.|#|file:)/.test(specifier) || isAbsolute(specifier);
}

/** Where Node.js finds the package: what the directory in node_modules is, or leads to. */
function placeOf(name: string, importer: string): { project: string; linked: string } | undefined {
  for (const project of ancestors(dirname(importer))) {
    try {
      return { project, linked: realpathSync.native(resolve(project, 'node_modules', name)) };
    } catch {
      // Further up.
    }
  }
  return undefined;
}

function isWithin(path: string, directory: string): boolean {
  return path.startsWith(`${directory}${sep}`);
}

function stateImported({
  appName,
  instanceDirectory,
  importer,
  target,
}: Omit<Edge, 'importer' | 'specifier'> & { importer: string | undefined }): UserError {
  const from = importer === undefined ? 'it' : `"${relative(instanceDirectory, importer)}"`;
  return new UserError(
    `Cannot bundle app "${appName}": ${from} imports "${relative(instanceDirectory, target)}", where tsk keeps the keys of an instance`,
    {
      hint: 'Whoever has the image would have them. "secrets" of an app are for what it alone is to read.',
    },
  );
}

function strayImport(
  { appName, instanceDirectory, importer, target }: Edge,
  owner: { name: string; directory: string },
): UserError {
  return new UserError(
    `Cannot bundle app "${appName}": package "${owner.name}" (${relative(owner.directory, importer)}) imports ` +
      `"${relative(instanceDirectory, target)}", which is no part of a package`,
    {
      hint: `A package takes no files of others into an image. Look what "${owner.name}" does, or do without it.`,
    },
  );
}

function strayPackage({ appName, instanceDirectory, target }: Edge, name: string): UserError {
  return new UserError(
    `Cannot bundle app "${appName}": package "${name}" leads to "${relative(instanceDirectory, target)}", which is no part of it`,
    { hint: `Look at "main" and "exports" in the package.json of "${name}", or do without it.` },
  );
}
