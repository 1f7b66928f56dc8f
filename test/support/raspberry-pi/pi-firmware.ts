// What a Raspberry Pi's firmware would start from a disk, or why it would start nothing. It decides from the disk's bytes and
// the reboot flag alone, as the firmware does; whoever calls clears the flag before anything runs.
//
// Sources: raspberrypi/documentation, raspberry-pi/bootflow-eeprom.adoc (order of files, tryboot), config_txt/boot.adoc
// (kernel, os_prefix), configuration/device-tree.adoc (part 4: /chosen); raspberrypi/rpi-eeprom, release notes. Where these
// leave it open, the stand-in takes what is worse for us, and the comment says so.

import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { type BootPartition, eepromBootPartition, romBootPartition } from './boot-partition.ts';
import { numberOf, type ReadConfig, readConfigText, valueOf } from './config-text.ts';
import { type DeviceTree, findNode, parseDeviceTree, stringsOf } from './device-tree.ts';
import { FatReader } from './fat-reader.ts';
import { FirmwareStop } from './firmware-stop.ts';
import { identifyKernel, KERNEL_HEAD_BYTES } from './kernel-file.ts';
import { type AppliedOverlays, applyOverlays } from './overlays.ts';
import type { PiModel } from './pi-models.ts';

export interface PowerOn {
  /** The one-shot flag was set by the restart before. */
  isTryboot?: boolean;
  serial?: bigint;
}

export interface PiStart {
  model: PiModel;
  files: FatReader;
  partition: BootPartition;
  isTryboot: boolean;
  /** config.txt or tryboot.txt. */
  configPath: string;
  /** '' when it was not set, or is of no use. */
  osPrefix: string;
  kernelPath: string;
  deviceTreePath: string;
  deviceTree: DeviceTree;
  cmdlinePath: string;
  /** As the kernel gets it, but for `serial0`, which is another one on each machine. */
  cmdline: string;
  overlays: AppliedOverlays;
  /** What the firmware would log, and what nobody may count on. */
  warnings: readonly string[];
}

const SERIAL = 0x10000000abcdef01n;
/** COMMAND_LINE_SIZE of arm64, less the NUL: the kernel cuts off what is beyond, and says nothing. */
const MAX_CMDLINE_LENGTH = 2047;
/** Room for what the firmware tells the kernel of memory, MAC address and screen. */
const FIRMWARE_WORDS_LENGTH = 400;

/** Throws a FirmwareStop when it would start nothing. */
export async function startFrom(disk: ByteSource, model: PiModel, powerOn: PowerOn = {}): Promise<PiStart> {
  const partition = await (model.firstStage === 'bootcode'
    ? romBootPartition(disk)
    : eepromBootPartition(disk));
  const files = await FatReader.open(disk, partition);
  if (await files.isFile('autoboot.txt'))
    throw new FirmwareStop('there is an autoboot.txt', 'the stand-in follows none');
  const isTryboot = powerOn.isTryboot === true;
  // A complete replacement: nothing of config.txt holds when tryboot.txt is read (bootflow-eeprom.adoc, "tryboot").
  const configPath = isTryboot ? 'tryboot.txt' : 'config.txt';
  const text = (await files.readFile(configPath))?.toString('latin1');
  if (text === undefined)
    throw new FirmwareStop(`there is no ${configPath}`, 'what it does instead is not known');
  const serial = powerOn.serial ?? SERIAL;
  const config = readConfigText(text, { model, isTryboot, serial, partition: partition.number });
  await requireFirmware(
    files,
    model,
    model.firstStage === 'bootcode' ? readConfigText(text, undefined) : config,
  );
  // The default is 32 bits before the Pi 4; this board has no such kernel.
  if (model.firstStage === 'bootcode' && numberOf(config, 'arm_64bit') === 0)
    throw new FirmwareStop('arm_64bit is not set', 'it would start kernel7.img, 32 bits');

  const { osPrefix, kernelPath, deviceTreePath, warnings } = await applyOsPrefix(files, model, config);
  identifyKernel(kernelPath, (await files.readFile(kernelPath, KERNEL_HEAD_BYTES))!);
  const deviceTree = parseDeviceTree((await files.readFile(deviceTreePath))!);
  await checkSystem(files, model, config, osPrefix);
  const overlayPrefix = await findOverlays(files, config, osPrefix);
  const overlays = await applyOverlays({ files, config, model, prefix: overlayPrefix, base: deviceTree });
  if (model.overlay !== undefined && !overlays.applied.some(({ name }) => name === model.overlay))
    throw new FirmwareStop(
      `the overlay "${model.overlay}" is missing below "${overlayPrefix}"`,
      'the kernel dies early',
    );

  const cmdlinePath = withPrefix(osPrefix, valueOf(config, 'cmdline') ?? 'cmdline.txt');
  const ownWords = (await files.readFile(cmdlinePath))?.toString('latin1') ?? '';
  const cmdline = mergeCmdline(deviceTree, ownWords, config);
  if (ownWords === '') warnings.push(`"${cmdlinePath}" is missing or empty`);
  if (cmdline.length > MAX_CMDLINE_LENGTH - FIRMWARE_WORDS_LENGTH)
    warnings.push(
      `the command line has ${cmdline.length} characters, and the firmware needs room for its own`,
    );
  return {
    model,
    files,
    partition,
    isTryboot,
    configPath,
    osPrefix,
    kernelPath,
    deviceTreePath,
    deviceTree,
    cmdlinePath,
    cmdline,
    overlays,
    warnings: [...config.warnings, ...warnings, ...overlays.warnings],
  };
}

/**
 * Keys that choose other firmware. Filters do not hold for those that bootcode.bin handles (raspberrypi/firmware issue 1076).
 * "The only way to enable the cut-down firmware is to specify gpu_mem=16" (documentation, config_txt/boot.adoc).
 */
async function requireFirmware(files: FatReader, model: PiModel, config: ReadConfig): Promise<void> {
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
async function applyOsPrefix(files: FatReader, model: PiModel, config: ReadConfig): Promise<SystemFiles> {
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
function withPrefix(prefix: string, name: string): string {
  return name.startsWith('/') ? name.slice(1) : prefix + name;
}

/** `os_check`: a tree that says it is for this processor (rpi-eeprom issue 682, and release notes of 2025-03-27). */
async function checkSystem(
  files: FatReader,
  model: PiModel,
  config: ReadConfig,
  osPrefix: string,
): Promise<void> {
  if (model.checkedTrees.length === 0 || valueOf(config, 'os_check') === '0') return;
  for (const name of model.checkedTrees) {
    const bytes = await files.readFile(osPrefix + name);
    if (bytes && stringsOf(parseDeviceTree(bytes).root, 'compatible').includes(`brcm,${model.platform}`))
      return;
  }
  throw new FirmwareStop(
    `os_check finds none of ${model.checkedTrees.join(', ')} below "${osPrefix}"`,
    'the screen says so',
  );
}

/** "only be loaded from ${os_prefix}${overlay_prefix} if ${os_prefix}${overlay_prefix}README exists, otherwise it ignores os_prefix". */
async function findOverlays(files: FatReader, config: ReadConfig, osPrefix: string): Promise<string> {
  const overlayPrefix = valueOf(config, 'overlay_prefix') ?? 'overlays/';
  const below = osPrefix + overlayPrefix;
  return (await files.isFile(`${below}README`)) ? below : overlayPrefix;
}

/**
 * The device tree's own words come first, as on every Raspberry Pi's /proc/cmdline; where the firmware puts its word for the
 * watchdog is not documented, and behind all others it is in the worst place. Blanks at the end of cmdline.txt stay.
 */
function mergeCmdline(tree: DeviceTree, ownWords: string, config: ReadConfig): string {
  const [treeWords = ''] = stringsOf(findNode(tree, '/chosen'), 'bootargs');
  const words = [treeWords, ownWords.split(/[\r\n\0]/)[0]!];
  const timeoutSec = numberOf(config, 'kernel_watchdog_timeout');
  if (timeoutSec > 0) words.push(`watchdog.open_timeout=${timeoutSec}`);
  return words.filter((part) => part !== '').join(' ');
}
