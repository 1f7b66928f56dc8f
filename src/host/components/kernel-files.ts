// Takes the kernel image, its modules and its licence out of a Go module, and checks that the board can start it.

import { KERNEL_HEAD_BYTES, readKernelHeader } from '../../formats/kernel-header.ts';
import type { Board } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import type { TreeWriter } from './component-tree.ts';
import { takeGoModule } from './go-source.ts';
import type { LockedGoModule } from './lock-file.ts';
import type { SourceContext } from './source-context.ts';

export async function writeKernelFiles(
  context: SourceContext,
  locked: LockedGoModule,
  writer: TreeWriter,
): Promise<void> {
  let head: Uint8Array = new Uint8Array();
  await takeGoModule(context, 'kernel', locked, {
    // The module's cmdline.txt and config.txt are gokrazy's; ours come from the board.
    wants: (path) =>
      path === 'vmlinuz' || path.startsWith('lib/modules/') || /^(LICEN[CS]E|COPYING)/.test(path),
    async take(path, content) {
      const isImage = path === 'vmlinuz';
      await writer.file(path, 0o644, isImage ? keepHead(content, (bytes) => (head = bytes)) : content);
    },
  });
  requireBoardKernel(context.board, `"vmlinuz" of ${locked.module}`, head);
}

/** Throws a UserError when `head`, the start of a kernel image, is not one for the board. */
export function requireBoardKernel(board: Board, what: string, head: Uint8Array): void {
  const act = `Cannot use component kernel for board ${board.id}: ${what}`;
  const hint = 'Correct the kernel in tskrazy.json, or run "tsk get -u"';
  let image;
  try {
    image = readKernelHeader(head);
  } catch (error) {
    throw new UserError(`${act}: ${(error as Error).message}`, { hint, cause: error });
  }
  if (image.architecture !== board.debianArch) {
    throw new UserError(`${act} is for ${image.architecture}, the board needs ${board.debianArch}`, { hint });
  }
  if (!image.hasEfiStub) {
    throw new UserError(`${act} has no EFI stub`, {
      hint: 'Use a kernel that was built with CONFIG_EFI_STUB=y',
    });
  }
}

async function* keepHead(
  content: AsyncIterable<Uint8Array>,
  onHead: (head: Uint8Array) => void,
): AsyncGenerator<Uint8Array> {
  let head = new Uint8Array();
  for await (const chunk of content) {
    if (head.length < KERNEL_HEAD_BYTES) {
      head = Uint8Array.from(Buffer.concat([head, chunk]).subarray(0, KERNEL_HEAD_BYTES));
    }
    yield chunk;
  }
  onHead(head);
}
