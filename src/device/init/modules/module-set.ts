// The modules that an image has for its kernel, and in which order they are loaded. Reads the two files of depmod; loads
// nothing.

import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import {
  AliasTable,
  isPackedModule,
  type ModuleFile,
  parseModulesAlias,
  parseModulesDep,
} from '../../../formats/kernel-modules.ts';
import { MODULE_FACTS, MODULES_DIRECTORY } from '../../../shared/board/kernel-modules.ts';
import type { ModuleToLoad, Sys } from '../../sys/sys.ts';

/** A word of the kernel's own: modules that it refuses to load. */
const DENIED_PARAMETER = 'module_blacklist';

export class ModuleSet {
  readonly directory: string;
  readonly #aliases: AliasTable;
  readonly #byPath: ReadonlyMap<string, ModuleFile>;
  readonly #byName: ReadonlyMap<string, ModuleFile>;
  readonly #kernelArguments: ReadonlyMap<string, string>;
  readonly #denied: ReadonlySet<string>;

  /** undefined: the image has none for this kernel. */
  static read(sys: Sys, kernelArguments: ReadonlyMap<string, string>): ModuleSet | undefined {
    const directory = `${MODULES_DIRECTORY}/${release()}`;
    const read = (name: string): string => readFileSync(sys.path(`${directory}/${name}`), 'utf8');
    let texts: { dep: string; alias: string };
    try {
      texts = { dep: read('modules.dep'), alias: read('modules.alias') };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    const set = new ModuleSet(directory, texts, kernelArguments);
    return set.#aliases.isEmpty ? undefined : set;
  }

  private constructor(
    directory: string,
    texts: { dep: string; alias: string },
    kernelArguments: ReadonlyMap<string, string>,
  ) {
    const files = parseModulesDep(texts.dep);
    this.directory = directory;
    this.#aliases = new AliasTable(parseModulesAlias(texts.alias));
    this.#byPath = new Map(files.map((file) => [file.path, file]));
    this.#byName = new Map(files.map((file) => [file.name, file]));
    this.#kernelArguments = kernelArguments;
    const denied = kernelArguments.get(DENIED_PARAMETER)?.split(',') ?? [];
    this.#denied = new Set(denied.map((name) => name.replaceAll('-', '_')));
  }

  /** Names of the modules for what a device calls itself, but for those that the kernel was told to refuse. */
  modulesFor(modalias: string): string[] {
    return this.#aliases.modulesFor(modalias).filter((name) => !this.#denied.has(name));
  }

  /** Throws when the image lacks one of them. */
  filesFor(name: string): ModuleFile[] {
    const file = this.#byName.get(name);
    if (!file) throw new Error('the image does not have it');
    const needed = file.needs.toReversed().map((path) => {
      const found = this.#byPath.get(path);
      if (!found) throw new Error(`it needs "${path}", which the image does not have`);
      return found;
    });
    return [...needed, file];
  }

  /** Modules that the kernel asks for by these names while it starts what the module drives. */
  followersOf(name: string): [asked: string, file: ModuleFile][] {
    const followers = Object.entries(MODULE_FACTS[name]?.followers ?? {});
    return followers.flatMap(([asked, follower]): [string, ModuleFile][] => {
      const file = this.#byName.get(follower);
      return file ? [[asked, file]] : [];
    });
  }

  describe({ name, path }: ModuleFile): ModuleToLoad {
    const own = MODULE_FACTS[name]?.parameters;
    const ofKernel = [...this.#kernelArguments].flatMap(([key, value]) => {
      const dot = key.indexOf('.');
      if (dot < 0 || key.slice(0, dot).replaceAll('-', '_') !== name) return [];
      const word = value === '' ? key.slice(dot + 1) : `${key.slice(dot + 1)}=${value}`;
      return [word.includes(' ') ? `"${word}"` : word];
    });
    return {
      path: `${this.directory}/${path}`,
      // The kernel takes the last value of each.
      parameters: [...(own === undefined ? [] : [own]), ...ofKernel].join(' '),
      isPacked: isPackedModule(path),
    };
  }
}
