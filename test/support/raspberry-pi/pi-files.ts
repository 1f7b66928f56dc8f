// Which files a Raspberry Pi's firmware takes from its boot partition. raspberrypi/documentation, config_txt/boot.adoc (kernel,
// os_prefix, start_file); raspberrypi/rpi-eeprom, release notes and issue 682 (os_check).

import { numberOf, type ReadConfig, valueOf } from './config-text.ts';
import { type DeviceTree, parseDeviceTree, stringsOf } from './device-tree.ts';
import type { FatReader } from './fat-reader.ts';
import { FirmwareStop } from './firmware-stop.ts';
import type { PiModel } from './pi-models.ts';

/**
 * Keys that choose other firmware. Filters do not hold for those that bootcode.bin handles (raspberrypi/firmware issue 1076).
 * "The only way to enable the cut-down firmware is to specify gpu_mem=16" (documentation, config_txt/boot.adoc).
 */
export async function requireFirmware(files: FatReader, model: PiModel, config: ReadConfig): Promise<void> {
  const variants: readonly (readonly [boolean, string])[] = [
    [numberOf(config, 'start_x') === 1, 'x'],
    [numberOf(config, 'start_debug') === 1, 'db'],
    [valueOf(config, 'gpu_mem') !== undefined && numberOf(config, 'gpu_mem') <= 16, 'cd'],
  ];
  const variant = variants.find(([isAsked]) => isAsked)?.[1];
  for (const usual of model.firmware) {
    const [, stem = '', extension = ''] = /^(.*)(\.\w+)$/.exec(usual)!;
    const chosen =
      extension === '.bin' ? undefined : valueOf(config, extension === '.elf' ? 'start_file' : 'fixup_file');
    const joint = stem.endsWith('4') ? '' : '_';
    const other =
      variant === undefined || extension === '.bin' ? usual : `${stem}${joint}${variant}${extension}`;
    const path = chosen ?? other;
    if (!(await files.isFile(path)))
      throw new FirmwareStop(`the firmware file "${path}" is missing`, 'four short blinks');
  }
}

interface SystemFiles {
  osPrefix: string;
  kernelPath: string;
  deviceTreePath: string;
  warnings: string[];
}

/** "unless the expected kernel and .dtb can be found at the new location/name, the prefix is ignored (set to "")". */
export async function applyOsPrefix(
  files: FatReader,
  model: PiModel,
  config: ReadConfig,
): Promise<SystemFiles> {
  if (numberOf(config, 'upstream_kernel') !== 0)
    throw new FirmwareStop('upstream_kernel is set', 'the stand-in does not know it');
  const named = valueOf(config, 'kernel');
  const kernels = named === undefined ? defaultKernels(model) : [named];
  const tree = valueOf(config, 'device_tree');
  if (tree === '') throw new FirmwareStop('device_tree= is empty', 'a kernel for arm64 starts with no tree');
  const trees = tree === undefined ? model.deviceTrees : [tree];
  const wanted = valueOf(config, 'os_prefix') ?? '';
  const warnings = config.settings
    .filter(({ key }) => /^(auto_)?initramfs$/.test(key))
    .map(({ key }) => `${key} is not followed`);
  let missing = '';
  for (const osPrefix of new Set([wanted, ''])) {
    const kernelPath = await firstFile(files, osPrefix, kernels);
    const deviceTreePath = await firstFile(files, osPrefix, trees);
    if (kernelPath !== undefined && deviceTreePath !== undefined)
      return { osPrefix, kernelPath, deviceTreePath, warnings };
    const names = kernelPath === undefined ? kernels : trees;
    missing ||= `no ${kernelPath === undefined ? 'kernel' : 'device tree'} ${names.join(' or ')} below "${wanted}"`;
    warnings.push(`os_prefix "${wanted}" is ignored: there is ${missing}`);
  }
  throw new FirmwareStop(`${missing}, and no system in the root`, 'seven short blinks');
}

function defaultKernels(model: PiModel): readonly string[] {
  return model.platform === 'bcm2712' ? ['kernel_2712.img', 'kernel8.img'] : ['kernel8.img'];
}

async function firstFile(
  files: FatReader,
  prefix: string,
  names: readonly string[],
): Promise<string | undefined> {
  for (const name of names) {
    const path = withPrefix(prefix, name);
    if (await files.isFile(path)) return path;
  }
  return undefined;
}

/** "Any user-specified OS file can bypass all prefixes by using an absolute path". */
export function withPrefix(prefix: string, name: string): string {
  return name.startsWith('/') ? name.slice(1) : prefix + name;
}

/** `os_check`: a tree that says it is for this processor (rpi-eeprom issue 682, and release notes of 2025-03-27). */
export async function checkSystem(
  files: FatReader,
  model: PiModel,
  config: ReadConfig,
  osPrefix: string,
): Promise<void> {
  if (model.checkedTrees.length === 0 || valueOf(config, 'os_check') === '0') return;
  for (const name of model.checkedTrees) {
    if (!(await files.isFile(osPrefix + name))) continue;
    const { root } = await readTree(files, osPrefix + name);
    if (stringsOf(root, 'compatible').includes(`brcm,${model.platform}`)) return;
  }
  throw new FirmwareStop(
    `os_check finds none of ${model.checkedTrees.join(', ')} below "${osPrefix}"`,
    'the screen says so',
  );
}

/** "only be loaded from ${os_prefix}${overlay_prefix} if ${os_prefix}${overlay_prefix}README exists, otherwise it ignores os_prefix". */
export async function findOverlays(files: FatReader, config: ReadConfig, osPrefix: string): Promise<string> {
  const overlayPrefix = valueOf(config, 'overlay_prefix') ?? 'overlays/';
  const below = osPrefix + overlayPrefix;
  return (await files.isFile(`${below}README`)) ? below : overlayPrefix;
}

/** A file that is there. */
export async function readTree(files: FatReader, path: string): Promise<DeviceTree> {
  try {
    return parseDeviceTree((await files.readFile(path))!);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new FirmwareStop(`"${path}" is no device tree: ${cause.message}`, 'no picture, no network');
  }
}
