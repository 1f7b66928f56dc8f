// The kernel command line: words separated by blanks, `key=value` or `key`, double quotes around blanks
// (kernel documentation, admin-guide/kernel-parameters). Our own words start with `tskrazy.`.

import { isSlot, type Slot } from './slots.ts';

export const SLOT_PARAMETER = 'tskrazy.slot';
/** Put in front by whoever starts the kernel in another way than through the firmware. */
export const START_PARAMETER = 'tskrazy.start';
export const KEXEC_START = 'kexec';
export const INIT_PATH = '/tsk/init';

/** Last value of each key; a word without `=` has the value ''. */
export function parseCmdline(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [word] of text.matchAll(/(?:[^\s"]|"[^"]*"?)+/g)) {
    const bare = word.replaceAll('"', '');
    const equals = bare.indexOf('=');
    if (equals < 0) values.set(bare, '');
    else values.set(bare.slice(0, equals), bare.slice(equals + 1));
  }
  return values;
}

/** The slot that a command line names; undefined on a device that was started in another way. */
export function slotOfCmdline(text: string): Slot | undefined {
  const value = parseCmdline(text).get(SLOT_PARAMETER);
  return value !== undefined && isSlot(value) ? value : undefined;
}

/** Whether the start was one of which the firmware knows nothing. */
export function isKexecStart(text: string): boolean {
  return parseCmdline(text).get(START_PARAMETER) === KEXEC_START;
}

export interface KernelArgsOptions {
  /** `console=` values in order; the last one becomes /dev/console. */
  consoles: readonly string[];
  extraArgs: readonly string[];
}

/** All words but those that differ from slot to slot; these are what the manifest names. */
export function kernelArgsOf(options: KernelArgsOptions): string[] {
  return [
    ...options.consoles.map((console) => `console=${console}`),
    // Bare `rootwait` waits for ever when the partition is missing; a number lets panic= start the other slot.
    'rootwait=20',
    'ro',
    `init=${INIT_PATH}`,
    'panic=10',
    'oops=panic',
    // A watchdog that the firmware started keeps running until init opens it, for at most so long.
    'watchdog.open_timeout=60',
    ...options.extraArgs,
  ];
}

export interface CmdlineOptions {
  rootPartitionGuid: string;
  slot: Slot;
  kernelArgs: readonly string[];
}

/** The slot's own words come first: a `--` among the others hands all that follows it to init. */
export function formatCmdline({ rootPartitionGuid, slot, kernelArgs }: CmdlineOptions): string {
  return [`root=PARTUUID=${rootPartitionGuid}`, `${SLOT_PARAMETER}=${slot}`, ...kernelArgs].join(' ');
}

/** Printable ASCII: the boot loader's entry is one line, and the kernel takes the word as it stands. */
export const KERNEL_ARGUMENT = /^(?:[!#-~]|"[ !#-~]*")+$/;
const OF_THE_SLOT = new RegExp(`^"?(?:root|${SLOT_PARAMETER.replace('.', String.raw`\.`)})(?:=|"?$)`);
/** Linux takes 2047 characters on both architectures; the words of the slot need 66 of them. */
const MAX_KERNEL_ARGS_LENGTH = 1900;

/** Whether it is one of the words that differ from slot to slot. */
export function dependsOnSlot(word: string): boolean {
  return OF_THE_SLOT.test(word);
}

/** What keeps these words from being kernel arguments, about the list; undefined: nothing. */
export function kernelArgsProblem(words: readonly string[]): string | undefined {
  const notOne = words.find((word) => !KERNEL_ARGUMENT.test(word));
  if (notOne !== undefined) return `has "${notOne}", which is not one kernel argument`;
  const ofTheSlot = words.find(dependsOnSlot);
  if (ofTheSlot !== undefined) return `has "${ofTheSlot}", which depends on the slot`;
  const { length } = words.join(' ');
  if (length <= MAX_KERNEL_ARGS_LENGTH) return undefined;
  return `has ${length} characters together, more than ${MAX_KERNEL_ARGS_LENGTH}`;
}
