// `confine FILTERED-PROGRAM ARGUMENTS...`, the last program that starts before an app in its sandbox. It does what bwrap
// has no option for, and then becomes the app:
//
//  - It enters a Landlock domain (landlock(7)): from there abstract Unix sockets of other apps cannot be reached, nor
//    processes outside be sent signals.
//  - It sets the filter of system calls that it reads from descriptor 4, by seccomp(2), with the flag by which the kernel
//    logs what is refused. bwrap sets its own without, which suits what is refused to every program (ENOSYS).
//
// Only a process itself can do that, between fork and the program. Node.js would take 40 ms for it, a program in C a
// compiler on whichever computer builds an image; these few system calls are 300 bytes, and take a tenth of a
// millisecond.

import type { Board } from '../../shared/board/boards.ts';
import { makeSmallElf } from '../../formats/small-elf.ts';
import { ARM64_LISTING, CONFINE_MESSAGE, X64_LISTING } from './confine-listing.ts';

const LISTINGS: Readonly<Record<Board['nodeArch'], string>> = { x64: X64_LISTING, arm64: ARM64_LISTING };

export function confineProgram({ nodeArch, elfMachine }: Pick<Board, 'nodeArch' | 'elfMachine'>): Uint8Array {
  return programOf(elfMachine, LISTINGS[nodeArch], CONFINE_MESSAGE);
}

/** `text` follows the code, for it to read. */
export function programOf(elfMachine: number, listing: string, text: string): Uint8Array {
  const code = readListing(listing)
    .map(({ hex }) => hex)
    .join('');
  return makeSmallElf(elfMachine, Buffer.concat([Buffer.from(code, 'hex'), Buffer.from(text)]));
}

/** Lines of bytes and of what they say; without bytes a label. */
export function readListing(listing: string): { hex: string; source: string }[] {
  return listing
    .trim()
    .split('\n')
    .map((line) => ({ hex: /^[\da-f]*/.exec(line)?.[0] ?? '', source: line.replace(/^[\da-f]*\s+/, '') }));
}
