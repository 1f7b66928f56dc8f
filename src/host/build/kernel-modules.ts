// Which modules of a kernel go into the root: those that init would load for some device that the board can have, and what
// they need. The rest would be sent with every new kernel for nothing. What depmod wrote is cut down to them.

import { readFileSync } from 'node:fs';
import {
  busOf,
  formatModulesAlias,
  formatModulesDep,
  type ModuleAlias,
  type ModuleFile,
  parseModulesAlias,
  parseModulesDep,
} from '../../formats/kernel-modules.ts';
import { MODULE_FACTS, MODULES_DIRECTORY } from '../../shared/board/kernel-modules.ts';
import type { Component } from '../components/component.ts';
import { UserError } from '../user-error.ts';

export interface ChosenModules {
  /** Files of the component, as it names them. */
  paths: ReadonlySet<string>;
  /** Text files by absolute path on the device. */
  indexes: Readonly<Record<string, string>>;
}

const IN_COMPONENT = MODULES_DIRECTORY.slice(1);
const MODULE_FILE = new RegExp(`^${IN_COMPONENT}/([^/]+)/.+\\.ko(?:\\.(?:gz|xz|zst))?$`);
const DEVICE_TREE = /\.dtbo?$/;
/** Devices there are as the device tree says, and no others. */
const IN_DEVICE_TREES = new Set(['of', 'spi', 'i2c']);
/** Devices of a computer that is a host of virtual machines. */
const OF_HOSTS = new Set(['xen-backend']);
/** Parts of TV cards: the card's driver asks for them, whatever aliases they have. */
const PARTS_OF_CARDS = /\/media\/(?:tuners|dvb-frontends)\//;

/** Throws a UserError when the component's modules are not whole. */
export function chooseModules(kernel: Component): ChosenModules {
  const modules = kernel.files.filter(({ path }) => MODULE_FILE.test(path));
  const releases = new Set(modules.map(({ path }) => MODULE_FILE.exec(path)?.[1] ?? ''));
  const paths = new Set<string>();
  const indexes: Record<string, string> = {};
  for (const release of releases) {
    const { dep, alias } = readIndexes(kernel, release);
    const chosen = choose(parseModulesDep(dep), parseModulesAlias(alias), deviceTreesOf(kernel));
    requireAll(kernel, release, chosen.files);
    for (const { path } of chosen.files) paths.add(`${IN_COMPONENT}/${release}/${path}`);
    if (chosen.files.length === 0) continue;
    indexes[`${MODULES_DIRECTORY}/${release}/modules.dep`] = formatModulesDep(chosen.files);
    indexes[`${MODULES_DIRECTORY}/${release}/modules.alias`] = formatModulesAlias(chosen.aliases);
  }
  return { paths, indexes };
}

interface Choice {
  files: ModuleFile[];
  aliases: ModuleAlias[];
}

function choose(
  files: readonly ModuleFile[],
  aliases: readonly ModuleAlias[],
  deviceTrees: string | undefined,
): Choice {
  const byName = new Map(files.map((file) => [file.name, file]));
  const useful = aliases.filter(
    ({ pattern, module }) =>
      canAppear(pattern, deviceTrees) && !PARTS_OF_CARDS.test(byName.get(module)?.path ?? ''),
  );
  const asked = useful.map(({ module }) => module);
  const followers = asked.flatMap((name) => Object.values(MODULE_FACTS[name]?.followers ?? {}));
  const wanted = new Set([...asked, ...followers]);
  const chosen = files.filter(({ name }) => wanted.has(name));
  const needed = new Set(chosen.flatMap(({ path, needs }) => [path, ...needs]));
  const listed = new Set(files.map(({ path }) => path));
  const unlisted = [...needed].filter((path) => !listed.has(path));
  return {
    // What depmod does not list is asked for all the same, so that its absence is noticed.
    files: [
      ...files.filter(({ path }) => needed.has(path)),
      ...unlisted.map((path) => ({ name: path, path, needs: [] })),
    ],
    aliases: useful.filter(({ module }) => byName.has(module)),
  };
}

/** Whether a device that calls itself so can be on the board. Without device trees nothing is known of that. */
function canAppear(pattern: string, deviceTrees: string | undefined): boolean {
  const bus = busOf(pattern);
  if (bus === undefined || OF_HOSTS.has(bus)) return false;
  if (deviceTrees === undefined || !IN_DEVICE_TREES.has(bus)) return true;
  if (bus !== 'of') {
    // Of `sony,cxd2880` such a bus keeps what follows the maker.
    const name = pattern.slice(bus.length + 1);
    return deviceTrees.includes(`,${name}\0`) || deviceTrees.includes(`\0${name}\0`);
  }
  const compatible = /^of:N[^C]*T[^C]*C([^*]+?)(?:C\*)?$/.exec(pattern)?.[1];
  return compatible === undefined || deviceTrees.includes(`${compatible}\0`);
}

/** Trees and overlays, one after the other: what is looked for ends with a zero byte. */
function deviceTreesOf({ directory, files }: Component): string | undefined {
  const trees = files.filter(({ path }) => DEVICE_TREE.test(path));
  if (trees.length === 0) return undefined;
  return trees.map(({ path }) => readFileSync(`${directory}/${path}`, 'latin1')).join('\0');
}

function readIndexes(kernel: Component, release: string): { dep: string; alias: string } {
  const read = (name: string): string => {
    const path = `${IN_COMPONENT}/${release}/${name}`;
    if (kernel.files.some((file) => file.path === path))
      return readFileSync(`${kernel.directory}/${path}`, 'utf8');
    throw new UserError(
      `${act(kernel)}: it has modules in "${IN_COMPONENT}/${release}", and no "${name}" there`,
      {
        hint: `Run "depmod -b DIRECTORY ${release}" where the kernel is made.`,
      },
    );
  };
  return { dep: read('modules.dep'), alias: read('modules.alias') };
}

function requireAll(kernel: Component, release: string, chosen: readonly ModuleFile[]): void {
  const present = new Set(kernel.files.map(({ path }) => path));
  const missing = chosen.find(({ path }) => !present.has(`${IN_COMPONENT}/${release}/${path}`));
  if (missing === undefined) return;
  const needing = chosen.find(({ needs }) => needs.includes(missing.path));
  const problem =
    needing === undefined
      ? `modules.dep lists "${missing.path}", which it does not have`
      : `its module "${needing.name}" needs "${missing.path}", which it does not have`;
  throw new UserError(`${act(kernel)}: ${problem}`, {
    hint: 'Take all modules of one build of the kernel, or run "tsk get -u".',
  });
}

function act({ name, version }: Component): string {
  return `Cannot use component "${name}" ${version}`;
}
