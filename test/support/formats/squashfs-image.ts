// Squashfs images in memory and in files, and the entries that tests put into them.

import { open } from 'node:fs/promises';
import { sourceOfBytes, type ByteSink, type ByteSource } from '../../../src/formats/byte-source.ts';
import {
  writeSquashfs,
  type SquashfsDirectory,
  type SquashfsEntry,
  type SquashfsFile,
  type SquashfsOptions,
  type SquashfsResult,
  type SquashfsSymlink,
} from '../../../src/formats/squashfs/writer.ts';
import { zlibCompressor } from '../../../src/formats/squashfs/zlib-compressor.ts';

export const MTIME_SEC = 1_700_000_000;

const OWNED_BY_ROOT = { uid: 0, gid: 0, mtimeSec: MTIME_SEC };

export function file(
  path: string,
  content: Uint8Array | string | ByteSource,
  fields: Partial<SquashfsFile> = {},
): SquashfsFile {
  const source =
    typeof content === 'string' || content instanceof Uint8Array
      ? sourceOfBytes(Buffer.from(content))
      : content;
  return { kind: 'file', path, mode: 0o644, ...OWNED_BY_ROOT, layer: 'test', content: source, ...fields };
}

export function directory(path: string, fields: Partial<SquashfsDirectory> = {}): SquashfsDirectory {
  return { kind: 'directory', path, mode: 0o755, ...OWNED_BY_ROOT, ...fields };
}

export function symlink(path: string, target: string): SquashfsSymlink {
  return { kind: 'symlink', path, mode: 0o777, ...OWNED_BY_ROOT, target };
}

/** Bytes that zlib shrinks to about half and that differ from block to block. */
export function sampleBytes(sizeBytes: number, seed = 1): Uint8Array {
  const bytes = Buffer.alloc(sizeBytes);
  let state = seed;
  for (let i = 0; i < sizeBytes; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = (state >>> 16) & 0x0f;
  }
  return bytes;
}

/** Refuses writes that are not in ascending order, the superblock excepted. */
export class MemorySink implements ByteSink {
  readonly writes: { offsetBytes: number; lengthBytes: number }[] = [];
  #bytes = Buffer.alloc(64 * 1024);
  #endBytes = 0;

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    if (offsetBytes !== 0 && offsetBytes < this.#endBytes)
      throw new RangeError('The sink is written backwards');
    this.writes.push({ offsetBytes, lengthBytes: bytes.length });
    const endBytes = Math.max(this.#endBytes, offsetBytes + bytes.length);
    if (endBytes > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes.subarray(0, this.#endBytes)], endBytes * 2);
    }
    this.#bytes.set(bytes, offsetBytes);
    this.#endBytes = endBytes;
  }

  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#endBytes);
  }
}

export async function imageInMemory(
  entries: readonly SquashfsEntry[],
  options: Partial<SquashfsOptions> = {},
): Promise<SquashfsResult & { bytes: Uint8Array }> {
  const sink = new MemorySink();
  const result = await writeSquashfs(entries, sink, {
    mtimeSec: MTIME_SEC,
    compress: zlibCompressor(),
    ...options,
  });
  return { ...result, bytes: sink.bytes };
}

export async function imageInFile(
  path: string,
  entries: readonly SquashfsEntry[],
  options: Partial<SquashfsOptions> = {},
): Promise<SquashfsResult> {
  const handle = await open(path, 'wx');
  const sink: ByteSink = {
    async write(offsetBytes, bytes) {
      await handle.write(bytes, 0, bytes.length, offsetBytes);
    },
  };
  try {
    return await writeSquashfs(entries, sink, {
      mtimeSec: MTIME_SEC,
      compress: zlibCompressor(),
      ...options,
    });
  } finally {
    await handle.close();
  }
}
