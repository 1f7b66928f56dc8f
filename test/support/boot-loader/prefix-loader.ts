// A boot loader that exists in tests only, as unlike systemd-boot as one may be: a line of config.txt names the directory
// that it starts from, and the kernel's command line lies in that directory, so that each slot has other bytes there. For
// what is said to hold for every boot loader: whoever works by descriptions works with this one.

import type { BootLoaderLayout } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { isSlot } from '../../../src/shared/board/slots.ts';

/** More than a sector. */
const CMDLINE_BYTES = 1024;
const PREFIX = /^os_prefix=(.*)\/$/m;

export const PREFIX_LAYOUT: BootLoaderLayout = {
  sharedFiles: [{ component: 'boot-loader', from: 'firmware/start.bin', path: 'start.bin' }],
  slotFiles: [
    { component: 'kernel', from: 'vmlinuz', path: 'vmlinuz' },
    { component: 'kernel', from: 'board.dtb', path: 'trees/board.dtb' },
  ],
  commit: {
    path: 'config.txt',
    text: { of: 'disk', format: (slot) => `# Which slot starts.\nos_prefix=${slot}/\n` },
    parse(text) {
      const slot = PREFIX.exec(text)?.[1] ?? '';
      if (isSlot(slot)) return slot;
      throw new SyntaxError(`config.txt names no slot: its prefix is "${slot}"`);
    },
    change: (text, slot) => text.replace(/^(os_prefix=)[ab](?=\/$)/m, `$1${slot}`),
  },
  slotDirectories: [],
  writtenSlotFiles: () => [],
  linesProblem: () => undefined,
  trialPath: null,
  kernelWatchdogSec: null,
  ownFile: (slot) => ({
    path: `${slot}/cmdline.txt`,
    sizeBytes: CMDLINE_BYTES,
    format(cmdline, sizeBytes) {
      if (cmdline.length < sizeBytes) return `${cmdline.padEnd(sizeBytes - 1)}\n`;
      throw new RangeError(
        `The command line has ${cmdline.length} bytes; there is room for ${sizeBytes - 1}`,
      );
    },
    parse(text) {
      if (!text.endsWith('\n')) throw new SyntaxError('cmdline.txt is no line');
      return { kernelPath: `${slot}/vmlinuz`, cmdline: text.trim() };
    },
  }),
};
