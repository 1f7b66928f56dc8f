// The boot partition of a Raspberry Pi. Its firmware reads config.txt, or tryboot.txt once after it was told so; the line
// `os_prefix` there names the directory of a slot, and kernel, device trees, overlays and cmdline.txt are that directory's.
// Raspberry Pi documentation: config.txt, "os_prefix"; "Boot flow", "tryboot".

import type { Slot } from '../board/slots.ts';
import { type BootLoaderLayout, type BroughtFile, KERNEL_FILE, type OwnFile } from './boot-loader-layout.ts';
import {
  changeSlot,
  configLinesProblem,
  formatConfigTxt,
  KERNEL_WATCHDOG_SEC,
  parseConfigTxt,
} from './config-txt.ts';
import { NEEDED_OVERLAYS, RASPBERRY_PI_MODELS } from './raspberry-pi-models.ts';

/** The firmware adds several hundred characters of its own to ours, and a kernel takes 2047. */
const MAX_CMDLINE_LENGTH = 1024;
/** What the first stage of the models before the 5 loads; a Raspberry Pi 5 has all of it in its EEPROM. */
const FIRMWARE_FILES = ['bootcode.bin', 'start.elf', 'fixup.dat', 'start4.elf', 'fixup4.dat'];
const CONFIG_NAME = 'config.txt';
const OVERLAYS = 'overlays';
/** Without a file of this name the firmware ignores the overlays below os_prefix. */
const OVERLAYS_README = `The firmware takes overlays from this directory because this file is here.\n`;

const DEVICE_TREES: readonly BroughtFile[] = RASPBERRY_PI_MODELS.flatMap(({ name, trees, otherTrees }) => [
  ...trees.map((path) => ({ component: 'kernel' as const, from: path, path, neededBy: name })),
  ...otherTrees.map((path) => ({ component: 'kernel' as const, from: path, path, isOptional: true })),
]);

export const RASPBERRY_PI_LAYOUT: BootLoaderLayout = {
  sharedFiles: FIRMWARE_FILES.map((path) => ({
    component: 'firmware',
    from: path,
    path,
    inSlot: `firmware/${path}`,
  })),
  slotFiles: [{ component: 'kernel', from: KERNEL_FILE, path: KERNEL_FILE }, ...DEVICE_TREES],
  slotDirectories: [
    {
      component: 'kernel',
      from: OVERLAYS,
      path: OVERLAYS,
      needed: NEEDED_OVERLAYS.map(({ name, neededBy }) => ({ path: `${OVERLAYS}/${name}.dtbo`, neededBy })),
    },
  ],
  writtenSlotFiles: ({ bootloaderLines }) => [
    { path: `${OVERLAYS}/README`, text: OVERLAYS_README },
    // Its os_prefix is that of slot a in both slots: one manifest serves both. A commit puts the slot's in.
    { path: CONFIG_NAME, text: formatConfigTxt('a', bootloaderLines) },
  ],
  linesProblem: configLinesProblem,
  commit: {
    path: CONFIG_NAME,
    text: { of: 'slot', name: CONFIG_NAME },
    parse: parseConfigTxt,
    change: changeSlot,
  },
  trialPath: 'tryboot.txt',
  kernelWatchdogSec: KERNEL_WATCHDOG_SEC,
  ownFile,
};

function ownFile(slot: Slot): OwnFile {
  return {
    path: `${slot}/cmdline.txt`,
    sizeBytes: MAX_CMDLINE_LENGTH,
    format(cmdline, sizeBytes) {
      // Blanks, because the firmware reads one line and adds its own words to it.
      if (cmdline.length < sizeBytes) return `${cmdline.padEnd(sizeBytes - 1)}\n`;
      throw new RangeError(
        `the kernel command line has ${cmdline.length} characters; there is room for ${sizeBytes - 1}`,
      );
    },
    parse(text) {
      const [line = '', ...rest] = text.split('\n');
      if (rest.length === 0) throw new SyntaxError('cmdline.txt is no line');
      return { kernelPath: `${slot}/${KERNEL_FILE}`, cmdline: line.trim() };
    },
  };
}
