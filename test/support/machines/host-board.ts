// The board that boot tests use when any will do: the one whose processor is this machine's, because it is emulated
// fastest. `TSK_TEST_BOARD=pc-arm64 node --test test/boot/NAME.test.ts` tries another.

import { type Board, type BoardId, BOARDS } from '../../../src/shared/board/boards.ts';

export const HOST_BOARD_ID: BoardId = chooseBoard(process.env['TSK_TEST_BOARD']);
export const HOST_BOARD: Board = BOARDS[HOST_BOARD_ID];

/**
 * Kernel arguments for machines whose subject is something else: without what guards against attacks by way of speculation.
 * An emulated processor does not speculate, and is an eighth longer busy with a start that has these guards.
 */
export const UNGUARDED: readonly string[] = ['mitigations=off'];

function chooseBoard(asked: string | undefined): BoardId {
  if (asked === undefined) return ownPc() ?? 'pc-amd64';
  if (asked in BOARDS) return asked as BoardId;
  throw new Error(`TSK_TEST_BOARD is "${asked}": it must be one of ${Object.keys(BOARDS).join(', ')}`);
}

function ownPc(): BoardId | undefined {
  const pcs = Object.values(BOARDS).filter(({ vmFirmware }) => vmFirmware !== null);
  return pcs.find(({ nodeArch }) => nodeArch === process.arch)?.id;
}
