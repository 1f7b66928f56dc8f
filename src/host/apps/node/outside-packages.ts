// The bundler's side of packages that stay outside of an app's bundle: imports of them become imports of that package
// on the device, and the package is noted. Outside stay packages with native add-ons, those that the configuration
// names, those whose code works only beside its files (package-code.ts) or that the bundler cannot read, and all that
// those depend on: it is on the device anyway, and two copies of one module do not know each other.
//
// Which those are shows when everything is bundled. So the bundler runs again while something was found.

import { existsSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { ancestors } from '../../files/ancestors.ts';
import type { ImportKind, Message, OnResolveArgs, OnResolveResult, Plugin, PluginBuild } from 'esbuild';
import { UserError } from '../../user-error.ts';
import { type NpmPackage, packageNameOf, packageOwning, readNpmPackage } from '../packages/npm-package.ts';
import { readPackageJson } from '../packages/package-json.ts';
import { findPackage } from '../packages/package-layout.ts';
import type { Finding } from './package-code.ts';
import type { PackageScan } from './package-scan.ts';

export interface OutsideChoices {
  appName: string;
  /** Packages to leave outside whatever they look like. */
  unbundled: ReadonlySet<string>;
  /** Packages to bundle whatever their code looks like. */
  bundled: ReadonlySet<string>;
  ignoredScripts: ReadonlySet<string>;
}

export interface OutsidePackage {
  package: NpmPackage;
  /** All packages that import it name it as optional. */
  isOptional: boolean;
}

/** Why a package stays outside though nobody said so; for people. */
export interface Reason {
  name: string;
  because: string;
  /** Whether the package loads modules by computed names, which may be those of other packages. */
  loadsOthers: boolean;
}

/** What they load by computed names are packages that the app names; all else of theirs is fine in a bundle. */
const LOADS_BY_NAME: ReadonlySet<string> = new Set([
  // View engines, by the ending of a view or by "view engine".
  'express',
]);

const CJS_NAMESPACE = 'outside';

interface Import {
  package: NpmPackage;
  /** Directories of the packages that import it; undefined: the app's own code. */
  importers: Map<string | undefined, { name: string; isOptional: boolean } | undefined>;
}

export class OutsidePackages {
  readonly #choices: OutsideChoices;
  readonly #scan: PackageScan;
  readonly #packages = new Map<string, NpmPackage | undefined>();
  /** By directory; null: no reason of its own. */
  readonly #kept = new Map<string, Reason | null>();
  /** Of this run: by name and directory. */
  #imports = new Map<string, Map<string, Import>>();
  /** Names of packages that load others by name and are bundled. */
  #loaders = new Set<string>();
  /** Some package outside is an ES module, which only an ES module imports as its author meant it. */
  needsEsm = false;
  mustRepeat = false;

  constructor(choices: OutsideChoices, scan: PackageScan) {
    this.#choices = choices;
    this.#scan = scan;
  }

  get outside(): OutsidePackage[] {
    return [...this.#imports.values()].flatMap((byDirectory) =>
      [...byDirectory.values()].map(({ package: found, importers }) => ({
        package: found,
        isOptional: [...importers.values()].every((importer) => importer?.isOptional === true),
      })),
    );
  }

  /** All packages that the app imports, themselves or by others. */
  get imported(): NpmPackage[] {
    return [...this.#packages.values()].filter((found) => found !== undefined);
  }

  /** Of the packages that stayed outside by themselves. */
  get reasons(): Reason[] {
    return this.outside.flatMap(({ package: { directory } }) => this.#kept.get(directory) ?? []);
  }

  /** Whether something that is bundled or outside loads other packages by their names. */
  get loadsOthers(): string[] {
    const outside = this.reasons.filter(({ loadsOthers }) => loadsOthers).map(({ name }) => name);
    return [...this.#loaders, ...outside].toSorted();
  }

  plugin(isEsmBundle: boolean): Plugin {
    return {
      name: 'outside-packages',
      setup: (build) => {
        build.onStart(() => {
          this.#imports = new Map();
          this.#loaders = new Set();
          this.mustRepeat = false;
        });
        build.onResolve({ filter: /^[^.#]/ }, (args) => this.#resolve(build, args, isEsmBundle));
        build.onLoad({ filter: /\.node$/ }, ({ path }) => this.#loadAddon(path));
        // Node.js sees only some of the names that a CommonJS module exports, a bundle all of them.
        build.onLoad({ filter: /./, namespace: CJS_NAMESPACE }, ({ path }) => ({
          contents: `module.exports = require(${JSON.stringify(path)});`,
          loader: 'js',
        }));
      },
    };
  }

  /** `paths`: absolute ones of the files that are in the bundle. */
  review(paths: readonly string[]): void {
    const shared = this.#dependenciesOfOutside();
    for (const path of paths.toSorted()) {
      const owner = packageOwning(path);
      if (owner === undefined || this.#choices.bundled.has(owner.name)) continue;
      if (shared.has(owner.directory)) this.#keep(owner.directory, null);
      else this.#judge(owner, path, this.#scan.findings(path));
    }
    this.#settleVersions();
  }

  #judge(owner: { name: string; directory: string }, path: string, findings: readonly Finding[]): void {
    const [first] = findings;
    if (first === undefined) return;
    const loadsOthers = findings.some(({ kind }) => kind !== 'reads');
    if (LOADS_BY_NAME.has(owner.name)) {
      this.#loaders.add(owner.name);
      return;
    }
    const file = relative(owner.directory, path);
    const known = this.#kept.get(owner.directory);
    const because = known?.because ?? `${file}:${first.line} has "${first.code}"`;
    this.#keep(owner.directory, {
      name: owner.name,
      because,
      loadsOthers: loadsOthers || known?.loadsOthers === true,
    });
  }

  /** Whether the bundler's complaints are all about packages, which then stay outside. */
  takeOut(errors: readonly Message[], workingDirectory: string): boolean {
    const owners = errors.map(({ location, text, detail }) => {
      const file = location?.file ?? /: (\S*node_modules\S*)$/.exec(text)?.[1];
      const owner =
        detail instanceof UserError || file === undefined
          ? undefined
          : packageOwning(resolve(workingDirectory, file));
      if (owner === undefined || this.#choices.bundled.has(owner.name)) return undefined;
      const wanted = packageNameOf(/^Could not resolve "([^"]+)"/.exec(text)?.[1] ?? '');
      // What it cannot do without is missing: no package beside the bundle would help.
      const isRequired = this.#read(owner)?.dependencies.some(
        ({ name, isOptional }) => name === wanted && !isOptional,
      );
      return isRequired === true || this.#kept.has(owner.directory) ? undefined : { ...owner, text };
    });
    if (owners.includes(undefined) || owners.length === 0) return false;
    for (const owner of owners) {
      if (owner === undefined) continue;
      this.#keep(owner.directory, {
        name: owner.name,
        because: `the bundler says: ${owner.text}`,
        loadsOthers: true,
      });
    }
    return true;
  }

  #keep(directory: string, reason: Reason | null): void {
    if (!this.#kept.has(directory)) this.mustRepeat = true;
    if (!this.#kept.has(directory) || reason !== null) this.#kept.set(directory, reason);
  }

  /** Directories, as their dependents see them. */
  #dependenciesOfOutside(): Set<string> {
    const seen = new Set<string>();
    const queue = this.outside.map(({ package: found }) => found);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      for (const { name } of next.dependencies) {
        const directory = findPackage(name, next.directory);
        if (directory === undefined || seen.has(directory)) continue;
        seen.add(directory);
        const found = this.#read({ name, directory });
        if (found) queue.push(found);
      }
    }
    return seen;
  }

  /**
   * The bundle finds one version of each package beside itself: the one that the app's own code imports. Who imports
   * another one stays outside too, where that lies below it, as npm has laid it out.
   */
  #settleVersions(): void {
    for (const [name, byDirectory] of this.#imports) {
      if (byDirectory.size < 2) continue;
      const versions = [...byDirectory.values()].toSorted((a, b) =>
        a.package.directory < b.package.directory ? -1 : 1,
      );
      const own = versions.filter(({ importers }) => importers.has(undefined));
      if (own.length > 1) throw this.#twoVersions(name, own);
      const chosen =
        own[0] ?? versions.toSorted((a, b) => a.package.directory.length - b.package.directory.length)[0];
      for (const version of versions) {
        if (version === chosen) continue;
        for (const directory of version.importers.keys())
          if (directory !== undefined) this.#keep(directory, null);
      }
    }
  }

  #twoVersions(name: string, [first, second]: readonly Import[]): UserError {
    return new UserError(
      `Cannot bundle app "${this.#choices.appName}": its own code imports package "${name}" in two versions, ` +
        `${first?.package.version} and ${second?.package.version}, and it cannot be bundled`,
      { hint: `Bring the directories that depend on it to one version ("npm ls ${name}" lists them).` },
    );
  }

  async #resolve(
    build: PluginBuild,
    args: OnResolveArgs,
    isEsmBundle: boolean,
  ): Promise<OnResolveResult | undefined> {
    const { path, kind, importer, resolveDir, namespace } = args;
    if (namespace === CJS_NAMESPACE) return { path, external: true };
    if (args.pluginData === this || kind === 'entry-point' || isBuiltin(path) || isAbsolute(path))
      return undefined;
    if (isOfOtherRuntime(path)) return this.#leaveToOtherRuntime(path, kind, importer);
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
    const specifier = specifierFor(path, found.path, outside);
    if (isEsmBundle && kind === 'import-statement' && !isEsm(found.path, kind))
      return { path: specifier, namespace: CJS_NAMESPACE };
    return { path: specifier, external: true };
  }

  #staysOutside({ name, directory, nativeBecause }: NpmPackage): boolean {
    const { unbundled, ignoredScripts } = this.#choices;
    if (unbundled.has(name) || this.#kept.has(directory)) return true;
    if (ignoredScripts.has(name)) return false;
    return nativeBecause !== undefined;
  }

  #note(outside: NpmPackage, importer: string): void {
    const byDirectory = this.#imports.get(outside.name) ?? new Map<string, Import>();
    this.#imports.set(outside.name, byDirectory);
    const noted = byDirectory.get(outside.directory) ?? { package: outside, importers: new Map() };
    byDirectory.set(outside.directory, noted);
    const owner = packageOwning(importer);
    const dependencies = owner && this.#read(owner)?.dependencies;
    noted.importers.set(owner?.directory, {
      name: owner?.name ?? '',
      isOptional: dependencies?.find(({ name }) => name === outside.name)?.isOptional === true,
    });
  }

  /** `bun:sqlite`: the package asks what it runs on before it asks for that. */
  #leaveToOtherRuntime(path: string, kind: ImportKind, importer: string): OnResolveResult | undefined {
    const owner = packageOwning(importer);
    if (kind !== 'import-statement') return { path, external: true };
    if (owner === undefined) return undefined;
    // An import statement would be carried out at the start of the bundle, whatever it stood behind.
    this.#keep(owner.directory, { name: owner.name, because: `it imports "${path}"`, loadsOthers: false });
    return { path, external: true };
  }

  /**
   * What a package requires while it runs and what is not installed: the package goes on without, or fails as it does
   * everywhere. Not so for what it says that it depends on, and for what the app's own code asks for.
   */
  #isLeftOut(path: string, kind: ImportKind, importer: string): boolean {
    if (kind !== 'dynamic-import' && kind !== 'require-call' && kind !== 'require-resolve') return false;
    const owner = packageOwning(importer);
    if (owner === undefined) return false;
    const name = packageNameOf(path);
    return this.#read(owner)?.dependencies.some((each) => each.name === name && !each.isOptional) !== true;
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
    if (!this.#choices.ignoredScripts.has(owner.name)) this.#keep(owner.directory, null);
    // Only for packages that do without it: they catch this.
    const contents = `throw new Error(${JSON.stringify(`The add-on of package ${owner.name} is not on this device`)});`;
    return { contents, loader: 'js' };
  }
}

/** `bun:sqlite`, `deno:x`, `cloudflare:sockets`; not `data:`, which esbuild knows. */
function isOfOtherRuntime(path: string): boolean {
  return /^(?!node:|data:|file:|https?:)[a-z][a-z0-9+.-]+:/.test(path);
}

/** ES modules name a file by its whole name, as the bundler and `require` do not ask for. */
function specifierFor(path: string, file: string, { name, directory }: NpmPackage): string {
  if (path === name || !path.startsWith(`${name}/`)) return path;
  const { exports } = readPackageJson<{ exports: unknown }>(join(directory, 'package.json'));
  return exports === undefined ? `${name}/${relative(directory, file)}` : path;
}

function isEsm(path: string, kind: ImportKind): boolean {
  if (kind !== 'import-statement') return false;
  const extension = extname(path);
  return extension === '.mjs' || (extension === '.js' && nearestType(dirname(path)) === 'module');
}

function nearestType(directory: string): unknown {
  const path = ancestors(directory)
    .map((each) => join(each, 'package.json'))
    .find((each) => existsSync(each));
  return path === undefined ? undefined : readPackageJson<{ type: unknown }>(path).type;
}
