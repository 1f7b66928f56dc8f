// Which overlays and parameters the firmware would apply, by name. raspberrypi/documentation, configuration/device-tree.adoc,
// part 3; sentences as in the strings of start4.elf. The stand-in applies none of them: no machine of QEMU has the hardware
// that they are about.

import type { ReadConfig } from './config-text.ts';
import { type DeviceTree, findNode, parseDeviceTree, stringsOf } from './device-tree.ts';
import type { FatReader } from './fat-reader.ts';
import type { PiModel } from './pi-models.ts';

interface AppliedOverlay {
  name: string;
  path: string;
}

export interface AppliedOverlays {
  applied: readonly AppliedOverlay[];
  /** Parameters that the tree or the overlay in scope has. */
  parameters: readonly string[];
  warnings: readonly string[];
}

export interface OverlaySearch {
  files: FatReader;
  config: ReadConfig;
  model: PiModel;
  /** Where they lie. */
  prefix: string;
  base: DeviceTree;
}

export async function applyOverlays(search: OverlaySearch): Promise<AppliedOverlays> {
  const { files, config, model, prefix, base } = search;
  const applied: AppliedOverlay[] = [];
  const parameters: string[] = [];
  const warnings: string[] = [];
  const map = await readOverlay(files, `${prefix}overlay_map.dtb`);
  let scope: DeviceTree | undefined;

  const load = async (asked: string): Promise<DeviceTree | undefined> => {
    const name = mapOverlay(map, asked, model.platform, warnings);
    if (name === undefined) {
      warnings.push(`Failed to resolve overlay '${asked}'`);
      return undefined;
    }
    const path = `${prefix}${name}.dtbo`;
    const tree = await readOverlay(files, path);
    if (tree === undefined) warnings.push(`Failed to load overlay '${name}'`);
    else applied.push({ name, path });
    return tree;
  };
  const setParameters = (assignments: readonly string[]): void => {
    for (const assignment of assignments.filter((each) => each !== '')) {
      const name = assignment.split('=')[0]!;
      if (hasParameter(scope, name) || hasParameter(base, name)) parameters.push(assignment);
      else warnings.push(`Unknown dtparam '${name}' - ignored`);
    }
  };

  if (model.overlay !== undefined) await load(model.overlay);
  for (const { key, value } of config.settings) {
    const [first = '', ...others] = value.split(',');
    if (key === 'dtoverlay' || key === 'device_tree_overlay') {
      // An empty name ends the scope of the overlay before.
      scope = first === '' ? undefined : await load(first);
      setParameters(others);
    } else if (key === 'dtparam' || key === 'dtparams' || key === 'device_tree_param') {
      setParameters([first, ...others]);
    }
  }
  return { applied, parameters, warnings };
}

/** The name of the file; undefined: this model has none. What is not in the map goes by its own name. */
function mapOverlay(
  map: DeviceTree | undefined,
  asked: string,
  platform: string,
  warnings: string[],
): string | undefined {
  const entry = map && findNode(map, asked);
  if (!map || !entry) return asked;
  const [renamed] = stringsOf(entry, 'renamed');
  if (renamed !== undefined) {
    warnings.push(`overlay '${asked}' has been renamed '${renamed}'`);
    return mapOverlay(map, renamed, platform, warnings);
  }
  const [deprecated] = stringsOf(entry, 'deprecated');
  if (deprecated !== undefined) {
    warnings.push(`overlay '${asked}' is deprecated: ${deprecated}`);
    return undefined;
  }
  if (!entry.properties.has(platform)) {
    warnings.push(`overlay '${asked}' is not supported on the '${platform}' platform`);
    return undefined;
  }
  return stringsOf(entry, platform)[0] ?? asked;
}

function hasParameter(tree: DeviceTree | undefined, name: string): boolean {
  return tree !== undefined && findNode(tree, '/__overrides__')?.properties.has(name) === true;
}

/** Undefined: there is none that can be read. */
async function readOverlay(files: FatReader, path: string): Promise<DeviceTree | undefined> {
  const bytes = await files.readFile(path);
  try {
    return bytes && parseDeviceTree(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
