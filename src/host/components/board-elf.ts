// Refuses ELF files that the board cannot run, whatever the archive that they came from says.

import { elfMachineName, readElf } from '../../formats/elf.ts';
import type { ByteSource } from '../../formats/byte-source.ts';
import type { Board } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';

export async function requireBoardElf(
  board: Board,
  component: string,
  path: string,
  content: ByteSource | Uint8Array,
): Promise<void> {
  const elf = await readElf(content);
  if (elf.machine === board.elfMachine) return;
  throw new UserError(
    `Cannot use component ${component} for board ${board.id}: "${path}" is for ${elfMachineName(elf.machine)}, ` +
      `the board needs ${elfMachineName(board.elfMachine)}`,
    { hint: 'Run "tsk get -u", or correct the component in tskrazy.json' },
  );
}
