// config.txt and tryboot.txt of the Raspberry Pi's firmware: what we set, and the instance's own lines. Each is exactly
// one sector, so that a commit, which replaces the text as a whole, is the write of one sector.
// Raspberry Pi documentation: config.txt, "What is config.txt", "Boot options", "Conditional filters".

import { isSlot, type Slot } from '../board/slots.ts';
import { KERNEL_FILE, type LinesProblem } from './boot-loader-layout.ts';

export const CONFIG_TXT_BYTES = 512;
/** The firmware does not read what is beyond. */
const MAX_LINE_LENGTH = 98;
export const KERNEL_WATCHDOG_SEC = 60;
const OURS = [
  'arm_64bit=1',
  'enable_uart=1',
  `kernel=${KERNEL_FILE}`,
  `kernel_watchdog_timeout=${KERNEL_WATCHDOG_SEC}`,
];
const PADDING_NOTE = '# Blank lines fill the sector.\n';
const PREFIX = /^os_prefix=(.*)\/$/m;

/** Throws RangeError for lines that `configLinesProblem` refuses as too long together. */
export function formatConfigTxt(slot: Slot, lines: readonly string[]): string {
  // Ours come first: what follows a filter of the instance holds for some models only.
  const text = [...OURS, `os_prefix=${slot}/`, ...lines, ''].join('\n');
  const roomBytes = CONFIG_TXT_BYTES - text.length;
  if (roomBytes < 0) throw new RangeError(`config.txt has ${-roomBytes} characters too many`);
  const note = PADDING_NOTE.length <= roomBytes ? PADDING_NOTE : '';
  return text + note + '\n'.repeat(roomBytes - note.length);
}

/** The slot that the text starts. Throws SyntaxError when there is none in it. */
export function parseConfigTxt(text: string): Slot {
  const slot = PREFIX.exec(text)?.[1] ?? '';
  if (isSlot(slot)) return slot;
  throw new SyntaxError(`config.txt names no slot: its os_prefix is "${slot}"`);
}

/** The same settings, for this slot. */
export function changeSlot(text: string, slot: Slot): string {
  return text.replace(/^(os_prefix=)[ab](?=\/$)/m, `$1${slot}`);
}

const STARTS_SLOTS = 'tskrazy sets it, to start one slot or the other';
const STARTS_KERNEL = 'tskrazy sets it, because each slot starts its own kernel';
const WATCHES_STARTS = 'tskrazy sets it, to notice a kernel that hangs';
const CHOOSES_FIRMWARE = 'the image has no other firmware';
const CHANGES_TRIALS = 'it would change what a restart on trial starts';

const BURNS_FUSE = 'it burns a fuse of the board for good, and no roll-back takes that back';

/** Keys that would break slots or trials, and why. */
const REFUSED: readonly { key: RegExp; value?: RegExp; reason: string }[] = [
  { key: /^(os_prefix|overlay_prefix)$/, reason: STARTS_SLOTS },
  {
    key: /^cmdline$/,
    reason: 'tskrazy writes the command line of each slot; kernel.extraArgs adds words to it',
  },
  {
    key: /^(kernel|kernel_address|kernel_old|device_tree(_address|_end)?|arm_64bit|arm_control)$/,
    reason: STARTS_KERNEL,
  },
  { key: /^upstream_kernel$/, reason: 'it makes the firmware look for other device trees' },
  { key: /^(initramfs|auto_initramfs|ramfsfile|ramfsaddr)$/, reason: 'the image has no initramfs' },
  { key: /^include$/, reason: 'not every model reads other files, and no update would bring them' },
  { key: /^(start_file|fixup_file|start_x|start_debug|start_cd|armstub)$/, reason: CHOOSES_FIRMWARE },
  {
    key: /^gpu_mem(_\d+)?$/,
    value: /^0*(\d|1[0-6])$/,
    reason: 'with 16 or less the firmware looks for files that the image does not have',
  },
  { key: /^(boot_|tryboot)/, reason: CHANGES_TRIALS },
  { key: /^kernel_watchdog_/, reason: WATCHES_STARTS },
  // The two that are left let a Raspberry Pi 3 and Zero 2 W start from USB, too, and take nothing away.
  { key: /^(program_(?!usb_boot_(mode|timeout)$)|revoke_devkey$|eeprom_write_protect$)/, reason: BURNS_FUSE },
  { key: /^os_check$/, reason: 'without the check a Raspberry Pi 5 hangs on a kernel that is not for it' },
];

/** What keeps the instance's lines out of config.txt; undefined: nothing. */
export function configLinesProblem(lines: readonly string[]): LinesProblem | undefined {
  for (const [line, text] of lines.entries()) {
    const problem = configLineProblem(text);
    if (problem !== undefined) return { line, problem };
  }
  const room = CONFIG_TXT_BYTES - formatted([]);
  const needed = formatted(lines) - formatted([]);
  if (needed <= room) return undefined;
  const problem = `have ${needed} characters with their ends; config.txt is one sector and has room for ${room}`;
  return { line: null, problem };
}

function formatted(lines: readonly string[]): number {
  return [...OURS, 'os_prefix=a/', ...lines, ''].join('\n').length;
}

/** What keeps one line of the instance out of config.txt: the end of a sentence; undefined: nothing. */
export function configLineProblem(text: string): string | undefined {
  const strange = /[^\x20-\x7e]/u.exec(text);
  if (strange) return `has ${describeCharacter(strange[0])}; config.txt takes ASCII in single lines`;
  if (text.length > MAX_LINE_LENGTH) {
    return `has ${text.length} characters; the firmware reads ${MAX_LINE_LENGTH} of a line`;
  }
  const bare = text.trim();
  if (bare === '' || bare.startsWith('#')) return undefined;
  if (bare.startsWith('[')) return filterProblem(bare);
  const [, key = '', value = ''] = /^([^\s=]*)[\s=]*(.*)$/.exec(bare)!;
  const refused = REFUSED.find(
    (each) => each.key.test(key.toLowerCase()) && (each.value === undefined || each.value.test(value)),
  );
  if (refused) return `has "${key}", which cannot be set: ${refused.reason}`;
  return bare.includes('=') ? undefined : 'is neither a setting (key=value), a [filter] nor a # comment';
}

function filterProblem(filter: string): string | undefined {
  if (!filter.endsWith(']')) return 'begins a filter that no "]" ends';
  return /tryboot/i.test(filter)
    ? 'holds on trial only, and what is confirmed would not be what was tried'
    : undefined;
}

export interface AskedOverlay {
  /** Index of the line. */
  line: number;
  name: string;
}

/** The overlays that the lines ask for, filters apart; what follows the name are parameters. */
export function askedOverlays(lines: readonly string[]): AskedOverlay[] {
  return lines.flatMap((text, line) => {
    // An empty name ends what the parameters before are for.
    const name = /^\s*(?:dtoverlay|device_tree_overlay)\s*=\s*([^\s,:]+)/i.exec(text)?.[1];
    return name === undefined ? [] : [{ line, name }];
  });
}

function describeCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x20 || code === 0x7f
    ? `a control character (${code})`
    : `the character "${character}" (U+${code.toString(16).toUpperCase().padStart(4, '0')})`;
}
