// The bundler's side of packages that stay outside: imports of a package with native add-ons become `require` of
// that package on the device, and the package is noted.

import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, extname, isAbsolute, join } from 'node:path';
import type { ImportKind, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { UserError } from '../../user-error.ts';
import { type NpmPackage, packageOwning, readNpmPackage } from '../packages/npm-package.ts';
import { readPackageJson } from '../packages/package-json.ts';

export interface NativeChoices {
  appName: string;
  /** Packages to leave outside whatever they look like. */
  unbundled: ReadonlySet<string>;
  ignoredScripts: ReadonlySet<string>;
}

export interface OutsidePackage {
  package: NpmPackage;
  /** All packages that import it name it as optional. */
  isOptional: boolean;
}

/** Collects over one run of the bundler; `mustRepeat` says that what was found changes what comes out. */
export class NativePackages {
  readonly #choices: NativeChoices;
  readonly #packages = new Map<string, NpmPackage | undefined>();
  readonly #outside = new Map<string, OutsidePackage>();
  /** Directories of packages whose add-on only showed when the bundler reached the file. */
  readonly #reached = new Set<string>();
  /** Some package outside is an ES module, which only an ES module imports as its author meant it. */
  needsEsm = false;
  mustRepeat = false;

  constructor(choices: NativeChoices) {
    this.#choices = choices;
  }

  get outside(): OutsidePackage[] {
    return [...this.#outside.values()];
  }

  /** All packages that the app imports, themselves or by others. */
  get imported(): NpmPackage[] {
    return [...this.#packages.values()].filter((found) => found !== undefined);
  }

  plugin(): Plugin {
    return {
      name: 'native-packages',
      setup: (build) => {
        build.onStart(() => {
          this.#outside.clear();
          this.mustRepeat = false;
        });
        build.onResolve({ filter: /^[^.#]/ }, (args) => this.#resolve(build, args));
        build.onLoad({ filter: /\.node$/ }, ({ path }) => this.#loadAddon(path));
      },
    };
  }

  async #resolve(build: PluginBuild, args: OnResolveArgs): Promise<OnResolveResult | undefined> {
    const { path, kind, importer, resolveDir } = args;
    if (args.pluginData === this || kind === 'entry-point' || isBuiltin(path) || isAbsolute(path))
      return undefined;
    const found = await build.resolve(path, {
      kind,
      importer,
      resolveDir,
      pluginData: this,
      with: args.with,
    });
    if (found.errors.length > 0 && this.#isLeftOut(path, kind, importer)) return { path, external: true };
    // What else does not resolve is esbuild's to report.
    if (found.errors.length > 0 || found.external || found.namespace !== 'file') return undefined;
    const owner = packageOwning(found.path);
    if (owner === undefined) return undefined;
    const outside = this.#read(owner);
    if (!outside || !this.#staysOutside(outside)) return undefined;
    this.#note(outside, importer);
    if (isEsm(found.path, kind)) this.needsEsm = true;
    return { path, external: true };
  }

  #staysOutside({ name, directory, nativeBecause }: NpmPackage): boolean {
    const { unbundled, ignoredScripts } = this.#choices;
    if (unbundled.has(name)) return true;
    if (ignoredScripts.has(name)) return false;
    return nativeBecause !== undefined || this.#reached.has(directory);
  }

  #note(outside: NpmPackage, importer: string): void {
    const present = this.#outside.get(outside.name);
    if (present && present.package.directory !== outside.directory) {
      throw new UserError(
        `Cannot bundle app "${this.#choices.appName}": package "${outside.name}" is needed in two versions, ` +
          `${present.package.version} and ${outside.version}, and has native add-ons`,
        {
          hint: `Bring the packages that depend on it to versions that agree ("npm ls ${outside.name}" lists them).`,
        },
      );
    }
    const isOptional = this.#isOptionalFor(importer, outside.name) && (present?.isOptional ?? true);
    this.#outside.set(outside.name, { package: outside, isOptional });
  }

  #isOptionalFor(importer: string, name: string): boolean {
    const owner = packageOwning(importer);
    const dependencies = owner && this.#read(owner)?.dependencies;
    return dependencies?.find((dependency) => dependency.name === name)?.isOptional === true;
  }

  /** An optional part of a package that is not installed: the package asks for it when it runs, and goes on without. */
  #isLeftOut(path: string, kind: ImportKind, importer: string): boolean {
    if (kind !== 'dynamic-import' && kind !== 'require-call') return false;
    const owner = packageOwning(importer);
    const name = /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;
    return owner !== undefined && this.#read(owner)?.doesWithout.has(name) === true;
  }

  #read({ name, directory }: { name: string; directory: string }): NpmPackage | undefined {
    if (!this.#packages.has(directory)) this.#packages.set(directory, readNpmPackage(name, directory));
    return this.#packages.get(directory);
  }

  #loadAddon(path: string): { contents: string; loader: 'js' } {
    const owner = packageOwning(path);
    if (owner === undefined) {
      throw new UserError(
        `Cannot bundle app "${this.#choices.appName}": "${path}" is a native add-on of the app's own`,
        { hint: 'Copy it with "include" and load it with process.dlopen or createRequire.' },
      );
    }
    if (!this.#choices.ignoredScripts.has(owner.name) && !this.#reached.has(owner.directory)) {
      this.#reached.add(owner.directory);
      this.mustRepeat = true;
    }
    // Only for packages that do without it: they catch this.
    const contents = `throw new Error(${JSON.stringify(`The add-on of package ${owner.name} is not on this device`)});`;
    return { contents, loader: 'js' };
  }
}

function isEsm(path: string, kind: ImportKind): boolean {
  if (kind !== 'import-statement') return false;
  const extension = extname(path);
  return extension === '.mjs' || (extension === '.js' && nearestType(dirname(path)) === 'module');
}

function nearestType(directory: string): unknown {
  const path = join(directory, 'package.json');
  if (existsSync(path)) return readPackageJson<{ type: unknown }>(path).type;
  const parent = dirname(directory);
  return parent === directory ? undefined : nearestType(parent);
}
