// Takes what an image needs out of the Go modules of kernels and of the Raspberry Pi's firmware: the files that the board's
// boot loader wants, kernel modules, licences. Checks that the board can start the kernel.

import { Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import { KERNEL_HEAD_BYTES } from '../../formats/kernel-header.ts';
import type { Board } from '../../shared/board/boards.ts';
import {
  type BootLoaderLayout,
  describeMissing,
  KERNEL_FILE,
  takesFrom,
} from '../../shared/boot-loader/boot-loader-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { UserError } from '../user-error.ts';
import { requireBoardKernel, takesGzip } from './board-kernel.ts';
import { describeMissingLicence } from './component.ts';
import type { TreeWriter } from './component-tree.ts';
import { takeGoModule } from './go-source.ts';
import type { LockedGoModule } from './lock-file.ts';
import type { SourceContext } from './source-context.ts';

const LICENCE = /^(LICEN[CS]E|COPYING)/;

export async function writeKernelFiles(
  context: SourceContext,
  locked: LockedGoModule,
  writer: TreeWriter,
): Promise<void> {
  const { board } = context;
  const layout = layoutOf(board.boot);
  let head: Uint8Array = new Uint8Array();
  await takeGoModule(context, 'kernel', locked, {
    // The module's cmdline.txt and config.txt are gokrazy's; ours come from the board.
    wants: (path) =>
      takesFrom(layout, 'kernel', path) || path.startsWith('lib/modules/') || LICENCE.test(path),
    async take(path, content) {
      const taken =
        path === KERNEL_FILE
          ? packKernel(
              board,
              keepHead(content, (bytes) => (head = bytes)),
            )
          : content;
      await writer.file(path, 0o644, taken);
    },
  });
  requireBoardKernel(board, `"${KERNEL_FILE}" of ${locked.module}`, head);
  requireFiles(layout, 'kernel', board, locked, writer);
}

export async function writeFirmwareFiles(
  context: SourceContext,
  locked: LockedGoModule,
  writer: TreeWriter,
): Promise<void> {
  const { board } = context;
  const layout = layoutOf(board.boot);
  await takeGoModule(context, 'firmware', locked, {
    wants: (path) => takesFrom(layout, 'firmware', path) || LICENCE.test(path),
    take: async (path, content) => void (await writer.file(path, 0o644, content)),
  });
  requireFiles(layout, 'firmware', board, locked, writer);
}

function requireFiles(
  layout: BootLoaderLayout,
  component: 'kernel' | 'firmware',
  board: Board,
  { module, version }: LockedGoModule,
  writer: TreeWriter,
): void {
  const paths = writer.files.map(({ path }) => path);
  const missing = describeMissing(layout, component, paths) ?? describeMissingLicence(component, paths);
  if (missing === undefined) return;
  throw new UserError(
    `Cannot use component ${component} for board ${board.id}: ${module}@${version} ${missing}`,
    { hint: 'Correct the component in tskrazy.json, or restore the version in tskrazy.lock.json' },
  );
}

/** Two slots with plain kernels would not fit beside the rest; the firmware inflates gzip. */
function packKernel(board: Board, content: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  if (!takesGzip(board)) return content;
  return anyHost(Readable.from(content).pipe(createGzip({ level: constants.Z_BEST_COMPRESSION })));
}

/** RFC 1952, section 2.3: the tenth byte names the system that has compressed, and is the same here for all. */
const OS_OFFSET = 9;
const OS_UNKNOWN = 255;

async function* anyHost(gzip: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let offset = 0;
  for await (const chunk of gzip) {
    const at = OS_OFFSET - offset;
    if (at >= 0 && at < chunk.length) chunk[at] = OS_UNKNOWN;
    offset += chunk.length;
    yield chunk;
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
