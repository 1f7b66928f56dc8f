// What a Raspberry Pi's firmware would start from a disk, or why it would start nothing. It decides from the disk's bytes and
// the reboot flag alone, as the firmware does; whoever calls clears the flag before anything runs.
//
// Sources: raspberrypi/documentation, raspberry-pi/bootflow-eeprom.adoc (order of files, tryboot), config_txt/boot.adoc
// (kernel, os_prefix), configuration/device-tree.adoc (part 4: /chosen); raspberrypi/rpi-eeprom, release notes. Where these
// leave it open, the stand-in takes what is worse for us, and the comment says so.

import type { ByteSource } from '../../../src/formats/byte-source.ts';
import { type BootPartition, eepromBootPartition, romBootPartition } from './boot-partition.ts';
import { numberOf, type ReadConfig, readConfigText, valueOf } from './config-text.ts';
import { type DeviceTree, findNode, stringsOf } from './device-tree.ts';
import { FatReader } from './fat-reader.ts';
import { FirmwareStop } from './firmware-stop.ts';
import { identifyKernel, KERNEL_HEAD_BYTES } from './kernel-file.ts';
import { type AppliedOverlays, applyOverlays } from './overlays.ts';
import {
  applyOsPrefix,
  checkSystem,
  findOverlays,
  readTree,
  requireFirmware,
  withPrefix,
} from './pi-files.ts';
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
  const deviceTree = await readTree(files, deviceTreePath);
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
