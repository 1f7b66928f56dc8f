// Whether an executable can run on the board: for its machine, and linked against nothing that the image lacks.
// The libraries' own needs and symbol versions are not looked at.

import { elfMachineName, type ElfFile, readElf } from '../../formats/elf.ts';
import type { Board } from '../../shared/board/boards.ts';
import { FileDevice } from '../files/file-device.ts';
import { UserError } from '../user-error.ts';

/** `e_type` of programs: ET_EXEC, and ET_DYN for position-independent ones. */
const PROGRAM_TYPES = [2, 3];

export interface ProgramCheck {
  /** What the message calls it: `Cannot use "./caddy" as app "web"`. */
  act: string;
  board: Board;
  /** File names of the libraries that the program finds on the device. */
  libraries: ReadonlySet<string>;
  /** What to do about a file that is no ELF executable. */
  notProgramHint?: string;
}

export async function checkProgram(
  path: string,
  { act, board, libraries, notProgramHint }: ProgramCheck,
): Promise<void> {
  const elf = await readProgram(path, act, notProgramHint);
  if (elf.machine !== board.elfMachine) {
    throw new UserError(
      `${act}: it is for ${elfMachineName(elf.machine)}, ` +
        `but board "${board.id}" has ${elfMachineName(board.elfMachine)}`,
      { hint: 'Name a file per architecture with ${arch} in its path, which becomes amd64 or arm64.' },
    );
  }
  if (!PROGRAM_TYPES.includes(elf.type)) {
    throw new UserError(`${act}: it is an object file or a core dump, not a program`);
  }
  const problem = dynamicProblem(elf, board, libraries);
  if (problem !== undefined) {
    throw new UserError(`${act}: ${problem}`, {
      hint: 'Use a statically linked build of the program (for Go: CGO_ENABLED=0; for Rust: a musl target).',
    });
  }
}

/** Why a dynamically linked file does not load on the device; undefined when it does. */
export function dynamicProblem(
  elf: ElfFile,
  board: Board,
  libraries: ReadonlySet<string>,
): string | undefined {
  if (elf.interpreter !== undefined && elf.interpreter !== board.dynamicLinker) {
    return `it needs the dynamic linker "${elf.interpreter}", but the image has "${board.dynamicLinker}"`;
  }
  const missing = elf.needed.filter((name) => !libraries.has(name));
  if (missing.length === 0) return undefined;
  const names = missing.map((name) => `"${name}"`).join(', ');
  return `it needs the shared ${missing.length === 1 ? 'library' : 'libraries'} ${names}, which the image lacks`;
}

async function readProgram(path: string, act: string, notProgramHint?: string): Promise<ElfFile> {
  const device = await FileDevice.open(path, 'r');
  try {
    const head = Buffer.from(await device.read(0, Math.min(128, device.sizeBytes)));
    const kind = foreignKind(head);
    if (kind !== undefined) {
      throw new UserError(`${act}: it is ${kind}`, {
        hint:
          notProgramHint ??
          'Name an ELF executable for Linux. The image has no shell: scripts do not run there.',
      });
    }
    return await readElf(device);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new UserError(`${act}: it is a damaged ELF file`, { cause });
  } finally {
    await device.close();
  }
}

function foreignKind(head: Buffer): string | undefined {
  if (head.length === 0) return 'an empty file';
  if (head.subarray(0, 4).equals(Buffer.from('\x7fELF'))) return undefined;
  if (head.subarray(0, 2).toString() === '#!')
    return `a script (${head.toString().split('\n', 1)[0]?.trim()})`;
  if (head.subarray(0, 7).toString() === '!<arch>') return 'a library, not a program';
  if (head.subarray(0, 2).toString() === 'MZ') return 'a program for Windows';
  if ([0xfeedface, 0xfeedfacf, 0xcafebabe].includes(head.length < 4 ? 0 : head.readUInt32BE(0))) {
    return 'a program for macOS';
  }
  if (head.length >= 4 && [0xfeedface, 0xfeedfacf].includes(head.readUInt32LE(0)))
    return 'a program for macOS';
  return 'no ELF executable';
}
