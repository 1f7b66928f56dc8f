// The EEPROM of a Raspberry Pi, by what its firmware puts into the device tree. Models before the 4 have none, and older
// EEPROMs tell less: what is not there is not known, and nothing is refused because of that.
// Raspberry Pi documentation: "Device Trees", part 4 (/chosen/bootloader); "BOOT_ORDER".

import { readFileSync } from 'node:fs';
import type { BootFirmware } from '../../../shared/boot-loader/boot-firmware.ts';
import type { Sys } from '../../sys/sys.ts';

const TREE = '/proc/device-tree';
/** 2021-03-18. Earlier ones of the Raspberry Pi 4 do not know tryboot.txt; no Raspberry Pi 5 has one as old. */
const FIRST_WITH_TRYBOOT_SEC = 1_616_057_651;
const BCM2711 = 'brcm,bcm2711';
/** Of the 3 and Zero 2 W, which have no EEPROM: what starts them is on the card. */
const BCM2837 = 'brcm,bcm2837';

/** By the digit of BOOT_ORDER that was used. */
const STARTED_FROM: Readonly<Record<number, string>> = {
  1: 'the SD card or eMMC',
  2: 'the network',
  3: 'another computer over USB',
  4: 'a USB disk',
  5: 'a USB disk',
  6: 'an NVMe disk',
  7: 'the network (HTTP)',
};

export interface Eeprom extends BootFirmware {
  /** What keeps this device from trying builds, and what to do; undefined: nothing that is known. */
  trialProblem: string | undefined;
}

/** null: there is none, or nothing of it is told. */
export function readEeprom(sys: Pick<Sys, 'path'>): Eeprom | null {
  if (isCompatible(sys, BCM2837)) return null;
  const cell = (name: string): number | null => readCell(sys, `chosen/${name}`);
  const builtAtSec = cell('bootloader/build-timestamp');
  const bootMode = cell('bootloader/boot-mode');
  const leastVersion = cell('rpi-min-boot-ver');
  if (builtAtSec === null && bootMode === null && leastVersion === null) return null;
  const version = builtAtSec === null ? null : new Date(builtAtSec * 1000).toISOString().slice(0, 10);
  const isTooOld = builtAtSec !== null && builtAtSec < FIRST_WITH_TRYBOOT_SEC && isCompatible(sys, BCM2711);
  return {
    version,
    startedFrom: STARTED_FROM[bootMode ?? -1] ?? null,
    leastVersion,
    trialProblem: isTooOld
      ? `The EEPROM of this Raspberry Pi is of ${version} and cannot try a build, which those since 2021-03-18 can. ` +
        `${HOW_TO_UPDATE}, then update again`
      : undefined,
  };
}

const HOW_TO_UPDATE =
  'Update the EEPROM (write "Bootloader" of Raspberry Pi Imager to another card and start from that, or ' +
  'run "sudo rpi-eeprom-update -a" on Raspberry Pi OS)';

/** For models whose firmware is on the card; a build's comes into place when that build was tried. */
const HOW_TO_RENEW_CARD =
  'this model has no EEPROM, so look at its serial console for a kernel that hangs, and for newer firmware run ' +
  '"tsk get -u" and write the card anew by "tsk flash"';

/** What to think of a start on trial that nothing is known of, in sentences without an end. */
export function describeUnheardTrial(sys: Pick<Sys, 'path'>, eeprom: Eeprom | null): string {
  const known = eeprom?.version ?? null;
  const version = known === null ? '' : ` (EEPROM of ${known})`;
  const remedy = isCompatible(sys, BCM2837) ? HOW_TO_RENEW_CARD : lowerFirst(HOW_TO_UPDATE);
  return (
    `the firmware did not try the new build${version}, or that hung before its first log line. ` +
    `Switch the power off for a minute and update again; if that does not help: ${remedy}`
  );
}

function isCompatible(sys: Pick<Sys, 'path'>, processor: string): boolean {
  return readProperty(sys, 'compatible')?.toString('latin1').split('\0').includes(processor) ?? false;
}

/** 32 bits, big-endian, as all numbers of device trees. */
function readCell(sys: Pick<Sys, 'path'>, name: string): number | null {
  const bytes = readProperty(sys, name);
  return bytes?.length === 4 ? bytes.readUInt32BE(0) : null;
}

function readProperty(sys: Pick<Sys, 'path'>, name: string): Buffer | undefined {
  try {
    return readFileSync(sys.path(`${TREE}/${name}`));
  } catch {
    return undefined;
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
