// Refuses kernels that the board cannot start: of another machine, or of a form that its boot loader does not take. Looked
// at by the header whenever a kernel becomes a component, so that it is said at build time and not by a dark screen.

import { constants, gunzipSync } from 'node:zlib';
import { type KernelHeader, readKernelHeader } from '../../formats/kernel-header.ts';
import type { Board, BoardBoot } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';

interface Obstacle {
  /** End of a sentence that begins with the kernel. */
  problem: string;
  hint: string;
}

/** What keeps the boot loader from starting such a kernel. */
const OBSTACLE: Readonly<Record<BoardBoot['kind'], (kernel: KernelHeader) => Obstacle | undefined>> = {
  // Kernels are programs to UEFI.
  'systemd-boot': ({ hasEfiStub }) =>
    hasEfiStub
      ? undefined
      : { problem: 'has no EFI stub', hint: 'Use a kernel that was built with CONFIG_EFI_STUB=y' },
  'raspberry-pi-firmware': () => undefined,
};

/** Whether the boot loader starts kernels that gzip has packed. */
export function takesGzip({ boot }: Board): boolean {
  return boot.kind === 'raspberry-pi-firmware';
}

/** Throws a UserError when `head`, the start of a kernel image, is not one for the board. */
export function requireBoardKernel(board: Board, what: string, head: Uint8Array): void {
  const act = `Cannot use component kernel for board ${board.id}: ${what}`;
  const hint = 'Correct the kernel in tskrazy.json, or run "tsk get -u"';
  let kernel: KernelHeader;
  try {
    kernel = readKernelHeader(takesGzip(board) ? unpackHead(head) : head);
  } catch (error) {
    throw new UserError(`${act}: ${(error as Error).message}`, { hint, cause: error });
  }
  if (kernel.machine !== board.machine) {
    throw new UserError(`${act} is for ${kernel.machine}, the board needs ${board.machine}`, { hint });
  }
  const obstacle = OBSTACLE[board.boot.kind](kernel);
  if (obstacle) throw new UserError(`${act} ${obstacle.problem}`, { hint: obstacle.hint });
}

/** The start of what gzip has packed; anything else as it is. Throws SyntaxError for damage. */
function unpackHead(head: Uint8Array): Uint8Array {
  const isGzip = head[0] === 0x1f && head[1] === 0x8b;
  if (!isGzip) return head;
  try {
    // What is there of a stream that goes on is enough.
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw new SyntaxError(`Cannot use kernel image: its gzip is damaged (${(cause as Error).message})`, {
      cause,
    });
  }
}
