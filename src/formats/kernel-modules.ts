// What depmod writes about a kernel's modules: modules.dep (who needs whom) and modules.alias (which module drives the
// devices that call themselves so). depmod(8), modules.dep(5). Pure.

export interface ModuleFile {
  /** As the kernel calls it: `brcmfmac_wcc`. */
  name: string;
  /** Below the directory of modules.dep. */
  path: string;
  /** Paths of all that it needs; those that need nothing of the others come last. */
  needs: readonly string[];
}

export interface ModuleAlias {
  /** With `*`, `?` and `[...]`, as in a shell: `usb:v*p*d*dc*dsc*dp*ic0Eisc01ip00in*`. */
  pattern: string;
  module: string;
}

const FILE_NAME = /^(.+)\.ko(\.(?:gz|xz|zst))?$/;

export function moduleName(path: string): string {
  const base = path.slice(path.lastIndexOf('/') + 1);
  return (FILE_NAME.exec(base)?.[1] ?? base).replaceAll('-', '_');
}

export function isPackedModule(path: string): boolean {
  return FILE_NAME.exec(path)?.[2] !== undefined;
}

export function parseModulesDep(text: string): ModuleFile[] {
  return text.split('\n').flatMap((line) => {
    const colon = line.indexOf(':');
    if (colon < 0) return [];
    const path = line.slice(0, colon);
    return [{ name: moduleName(path), path, needs: line.slice(colon + 1).match(/\S+/g) ?? [] }];
  });
}

export function formatModulesDep(files: readonly ModuleFile[]): string {
  return files.map(({ path, needs }) => `${[`${path}:`, ...needs].join(' ')}\n`).join('');
}

export function parseModulesAlias(text: string): ModuleAlias[] {
  return [...text.matchAll(/^alias (\S+) (\S+)$/gm)].map(([, pattern = '', module = '']) => ({
    pattern,
    module: module.replaceAll('-', '_'),
  }));
}

export function formatModulesAlias(aliases: readonly ModuleAlias[]): string {
  return aliases.map(({ pattern, module }) => `alias ${pattern} ${module}\n`).join('');
}

/** `usb` of `usb:v1D6B...`, `acpi` of `acpi*:`; undefined of names by which the kernel asks for what is no device's, such as `crypto-sha512`. */
export function busOf(alias: string): string | undefined {
  return /^([\w-]+)\*?:/.exec(alias)?.[1];
}

/** Modules for what a device calls itself (MODALIAS), by name; each once. */
export class AliasTable {
  readonly #patterns = new Map<string, ModuleAlias[]>();

  constructor(aliases: readonly ModuleAlias[]) {
    for (const alias of aliases) {
      const bus = busOf(alias.pattern);
      if (bus === undefined) continue;
      const ofBus = this.#patterns.get(bus);
      if (ofBus) ofBus.push(alias);
      else this.#patterns.set(bus, [alias]);
    }
  }

  get isEmpty(): boolean {
    return this.#patterns.size === 0;
  }

  modulesFor(modalias: string): string[] {
    const candidates = this.#patterns.get(busOf(modalias) ?? '') ?? [];
    const matching = candidates.filter(({ pattern }) => matchesGlob(pattern, modalias));
    return [...new Set(matching.map(({ module }) => module))];
  }
}

/** One character, or a set of them, or any, or any number of any. */
const GLOB_PART = /\[[^\]]+\]|[\s\S]/g;

/**
 * fnmatch(3) without flags, as far as depmod writes patterns. Not by a regular expression: those of input devices have more
 * than ten stars, and what an odd keyboard calls itself would keep one busy for hours. Here a star that was passed is never
 * looked at again, so that the time is the product of both lengths at most.
 */
function matchesGlob(pattern: string, text: string): boolean {
  const parts = pattern.match(GLOB_PART) ?? [];
  let at = 0;
  let part = 0;
  /** The last star, and where the text goes on behind what it has taken. */
  let star: { part: number; at: number } | undefined;
  while (at < text.length) {
    if (parts[part] === '*') {
      star = { part: part++, at };
    } else if (part < parts.length && matchesOne(parts[part]!, text[at]!)) {
      part++;
      at++;
    } else if (star) {
      at = ++star.at;
      part = star.part + 1;
    } else {
      return false;
    }
  }
  while (parts[part] === '*') part++;
  return part === parts.length;
}

function matchesOne(part: string, character: string): boolean {
  if (part.length === 1) return part === '?' || part === character;
  for (const [, first = '', last = first] of part.slice(1, -1).matchAll(/(.)(?:-(.))?/g))
    if (character >= first && character <= last) return true;
  return false;
}
