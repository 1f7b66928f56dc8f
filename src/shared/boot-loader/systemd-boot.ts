// systemd-boot on a UEFI board: a loader at the path that firmware starts, loader.conf, and an entry for each slot
// beside the slots' directories.

import type { SystemdBoot } from '../board/boards.ts';
import { SLOTS } from '../board/slots.ts';
import { type BootLoaderLayout, KERNEL_FILE } from './boot-loader-layout.ts';
import {
  formatLoaderConf,
  formatLoaderEntry,
  LOADER_CONF_PATH,
  LOADER_ENTRY_BYTES,
  loaderEntryPath,
  parseLoaderConf,
  parseLoaderEntry,
} from './loader-entry.ts';

/** Matches the line of loader.conf that commits, up to the name of the slot. */
const DEFAULT_ENTRY = new RegExp(String.raw`^(\s*default\s+)(?:${SLOTS.join('|')})(?=\.conf)`, 'm');

export function systemdBootLayout({ packagePath, bootPath }: SystemdBoot): BootLoaderLayout {
  return {
    sharedFiles: [{ component: 'boot-loader', from: packagePath, path: bootPath }],
    slotFiles: [{ component: 'kernel', from: KERNEL_FILE, path: KERNEL_FILE }],
    slotDirectories: [],
    writtenSlotFiles: () => [],
    linesProblem: (lines) =>
      lines.length === 0 ? undefined : { line: null, problem: 'are for boards that have a config.txt' },
    commit: {
      path: LOADER_CONF_PATH,
      text: { of: 'disk', format: formatLoaderConf },
      parse: parseLoaderConf,
      change: (text, slot) => text.replace(DEFAULT_ENTRY, `$1${slot}`),
    },
    trialPath: null,
    kernelWatchdogSec: null,
    ownFile: (slot) => ({
      path: loaderEntryPath(slot),
      sizeBytes: LOADER_ENTRY_BYTES,
      format: (cmdline, sizeBytes) => formatLoaderEntry(slot, cmdline, sizeBytes),
      parse(text) {
        const { linux, options } = parseLoaderEntry(text);
        return { kernelPath: linux, cmdline: options };
      },
    }),
  };
}
