// Takes the kernel image, its modules and its licence out of a Go module, and checks that the board can start it.

import { KERNEL_HEAD_BYTES } from '../../formats/kernel-header.ts';
import { KERNEL_FILE } from '../../shared/boot-loader/boot-loader-layout.ts';
import { requireBoardKernel } from './board-kernel.ts';
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
      path === KERNEL_FILE || path.startsWith('lib/modules/') || /^(LICEN[CS]E|COPYING)/.test(path),
    async take(path, content) {
      const isImage = path === KERNEL_FILE;
      await writer.file(path, 0o644, isImage ? keepHead(content, (bytes) => (head = bytes)) : content);
    },
  });
  requireBoardKernel(context.board, `"${KERNEL_FILE}" of ${locked.module}`, head);
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
