// The chunks of a built image, read from its files when they are sent: memory holds a few at a time.

import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress } from 'node:zlib';
import { encodeChunkStream, type StreamedChunk } from '../../../formats/chunk-stream.ts';
import { numberChunks } from '../../../shared/manifest/chunk-index.ts';
import type { Manifest } from '../../../shared/manifest/manifest.ts';
import type { BootFile } from '../../build/boot-files.ts';
import { FileDevice } from '../../files/file-device.ts';

/** What the chunks of an image are cut from. */
export interface ImageFiles {
  manifest: Pick<Manifest, 'root' | 'bootFiles'>;
  rootImagePath: string;
  bootFiles: readonly BootFile[];
}

/** A chunk stream in zstd of the chunks with these numbers. `onChunk` gets the length of each, uncompressed. */
export async function* compressedChunks(
  image: ImageFiles,
  indexes: readonly number[],
  onChunk: (lengthBytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const source = Readable.from(encodeChunkStream(readChunks(image, indexes, onChunk)), { objectMode: false });
  const zstd = createZstdCompress();
  const done = pipeline(source, zstd);
  // Whatever goes wrong also ends the iteration.
  done.catch(() => undefined);
  yield* zstd as AsyncIterable<Uint8Array>;
}

/** Files stay open from their first chunk to the end of all. */
async function* readChunks(
  image: ImageFiles,
  indexes: readonly number[],
  onChunk: (lengthBytes: number) => void,
): AsyncGenerator<StreamedChunk> {
  const numbered = numberChunks(image.manifest);
  const open = new Map<string, FileDevice>();
  try {
    for (const index of indexes) {
      const chunk = numbered[index];
      if (chunk === undefined)
        throw new RangeError(`Cannot send chunk ${index}: there are ${numbered.length}`);
      const { file, offsetBytes, lengthBytes } = chunk;
      const content = file === null ? image.rootImagePath : contentOf(image, file.path);
      if (typeof content !== 'string')
        yield { index, bytes: content.subarray(offsetBytes, offsetBytes + lengthBytes) };
      else {
        let device = open.get(content);
        if (device === undefined) open.set(content, (device = await FileDevice.open(content, 'r')));
        yield { index, bytes: await device.read(offsetBytes, lengthBytes) };
      }
      onChunk(lengthBytes);
    }
  } finally {
    for (const device of open.values()) await device.close();
  }
}

/** The path of a file, or its bytes. */
function contentOf({ bootFiles }: ImageFiles, path: string): string | Uint8Array {
  const content = bootFiles.find((file) => file.path === path)?.content;
  if (content === undefined) throw new Error(`The manifest has a boot file that the image has not: ${path}`);
  return content.kind === 'bytes' ? content.bytes : content.path;
}
