// SHA-256 of what lies on a disk, in pieces that leave the program responsive and its memory alone.

import { createHash, hash } from 'node:crypto';
import { type ByteSource, readInto } from '../../formats/byte-source.ts';

const PIECE_BYTES = 256 * 1024;

export function sha256Of(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}

export interface HashOptions {
  offsetBytes?: number;
  lengthBytes?: number;
  signal?: AbortSignal | undefined;
  /** Called after each piece, with its length. */
  onPiece?: (lengthBytes: number) => void;
}

/** Hashes the whole source, or a part of it. */
export async function sha256OfSource(source: ByteSource, options: HashOptions = {}): Promise<string> {
  const { offsetBytes = 0, lengthBytes = source.sizeBytes - offsetBytes, signal, onPiece } = options;
  const sum = createHash('sha256');
  const buffer = new Uint8Array(Math.min(PIECE_BYTES, lengthBytes));
  for (let done = 0; done < lengthBytes;) {
    signal?.throwIfAborted();
    const piece = buffer.subarray(0, lengthBytes - done);
    await readInto(source, offsetBytes + done, piece);
    sum.update(piece);
    done += piece.length;
    onPiece?.(piece.length);
  }
  return sum.digest('hex');
}
