// systemd-boot's configuration files: loader.conf, which names the committed slot, and an entry for each slot
// (Boot Loader Specification, type #1). Both are laid out once, when a disk is made, and from then on only
// overwritten in place: hence their fixed sizes.

import { isSlot, type Slot } from '../board/slots.ts';
import { KERNEL_FILE } from './boot-loader-layout.ts';

export const LOADER_CONF_PATH = 'loader/loader.conf';
/** Size of an entry: many times what it needs. */
export const LOADER_ENTRY_BYTES = 4096;
/** COMMAND_LINE_SIZE of both architectures, less the NUL. Kernels cut off what is beyond and say nothing. */
const MAX_CMDLINE_BYTES = 2047;
const PADDING_NOTE = '# The blanks leave room for longer options.';

export interface LoaderEntry {
  /** Path on the boot partition. */
  linux: string;
  /** The kernel command line. */
  options: string;
}

export function loaderEntryPath(slot: Slot): string {
  return `loader/entries/${slot}.conf`;
}

/** Name of the slot's entry for the boot loader and its firmware variables. */
export function loaderEntryId(slot: Slot): string {
  return `${slot}.conf`;
}

/** The commit of an update changes one letter of the `default` line, hence one sector. */
export function formatLoaderConf(committed: Slot): string {
  return `default ${loaderEntryId(committed)}\ntimeout 0\nconsole-mode keep\neditor no\n`;
}

/** The committed slot. Throws SyntaxError when there is none in it. */
export function parseLoaderConf(text: string): Slot {
  const value = parseFields(text).get('default') ?? '';
  const slot = value.replace(/\.conf$/, '');
  if (isSlot(slot) && value === loaderEntryId(slot)) return slot;
  throw new SyntaxError(`loader.conf names no slot: its default is "${value}"`);
}

/** Throws RangeError when it does not fit. */
export function formatLoaderEntry(slot: Slot, cmdline: string, sizeBytes = LOADER_ENTRY_BYTES): string {
  const cmdlineBytes = Buffer.byteLength(cmdline);
  if (cmdlineBytes > MAX_CMDLINE_BYTES) {
    throw new RangeError(
      `the kernel command line has ${cmdlineBytes} bytes; a kernel takes ${MAX_CMDLINE_BYTES}`,
    );
  }
  const entry = `title tskrazy ${slot}\nlinux /${slot}/${KERNEL_FILE}\noptions ${cmdline}\n`;
  const roomBytes = sizeBytes - Buffer.byteLength(entry);
  if (roomBytes < 0) {
    throw new RangeError(
      `The loader entry has ${sizeBytes - roomBytes} bytes; there is room for ${sizeBytes}`,
    );
  }
  return entry + padding(roomBytes);
}

/** systemd-boot passes over empty lines and comments; in 252, lines of nothing but blanks are safer avoided. */
function padding(sizeBytes: number): string {
  if (sizeBytes <= PADDING_NOTE.length) return '\n'.repeat(sizeBytes);
  return `${PADDING_NOTE.padEnd(sizeBytes - 1)}\n`;
}

/** Throws SyntaxError for what starts no kernel. */
export function parseLoaderEntry(text: string): LoaderEntry {
  const fields = parseFields(text);
  const linux = fields.get('linux');
  const options = fields.get('options');
  if (linux === undefined || options === undefined) {
    throw new SyntaxError('The loader entry has no "linux" or no "options" line');
  }
  return { linux: linux.replace(/^\/+/, ''), options };
}

/** `key value` lines; ours have each key once. */
function parseFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  // Not by one pattern: that would try each blank of a long padding as the end of the value.
  for (const line of text.split(/[\r\n]/)) {
    const [key, value] = splitAtBlank(line.trim());
    if (value !== '' && !key.startsWith('#')) fields.set(key, value);
  }
  return fields;
}

function splitAtBlank(line: string): [key: string, value: string] {
  const at = line.search(/[ \t]/);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at).trimStart()];
}
