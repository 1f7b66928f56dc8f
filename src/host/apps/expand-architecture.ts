// `${arch}` in paths of tskrazy.json: one line for all boards.

import type { Board } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';

const ARCHITECTURES: Readonly<Record<string, (board: Board) => string>> = {
  arch: (board) => board.goArch,
  goArch: (board) => board.goArch,
  nodeArch: (board) => board.nodeArch,
};

/** `act`: for the message, what was attempted. */
export function expandArchitecture(text: string, board: Board, act: string): string {
  return text.replaceAll(/\$\{([^}]*)\}/g, (written: string, variable: string) => {
    const architecture = Object.hasOwn(ARCHITECTURES, variable) ? ARCHITECTURES[variable] : undefined;
    if (architecture) return architecture(board);
    throw new UserError(`${act}: "${written}" is not known`, {
      hint: 'Use ${arch} for amd64 or arm64, or ${nodeArch} for x64 or arm64.',
    });
  });
}
