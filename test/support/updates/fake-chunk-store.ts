// Which chunks of an image a scripted device has, and what it takes of them: each is checked against the manifest, and none
// may come that it has already.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type http from 'node:http';
import { createZstdDecompress } from 'node:zlib';
import { ChunkStreamDecoder } from '../../../src/formats/chunk-stream.ts';
import { numberChunks } from '../../../src/shared/manifest/chunk-index.ts';
import type { Manifest } from '../../../src/shared/manifest/manifest.ts';
import type { UpdateOffer } from '../../../src/shared/update/update-api.ts';

export class FakeChunkStore {
  /** Numbers of chunks that it has nowhere before the first update. */
  missing: readonly number[] = [0, 1, 2];
  readonly received = new Set<number>();
  /** The connection breaks after so many chunks; each counts once. */
  readonly breaks: number[] = [];

  /** Of this image. */
  whatIsMissing(manifest: Manifest): Pick<UpdateOffer, 'missingChunks' | 'missingBytes'> {
    const chunks = numberChunks(manifest);
    const missingChunks = this.missing.filter((index) => !this.received.has(index));
    const missingBytes = missingChunks.reduce((sum, index) => sum + (chunks[index]?.lengthBytes ?? 0), 0);
    return { missingChunks, missingBytes };
  }

  /** How many chunks came; null when it has broken the connection. */
  async take(request: http.IncomingMessage, manifest: Manifest): Promise<number | null> {
    const chunks = numberChunks(manifest);
    const decoder = new ChunkStreamDecoder();
    const breakAfter = this.breaks.shift() ?? Infinity;
    let count = 0;
    for await (const piece of request.pipe(createZstdDecompress())) {
      for (const { index, bytes } of decoder.push(piece as Buffer)) {
        if (count === breakAfter) {
          request.destroy();
          return null;
        }
        assert.equal(createHash('sha256').update(bytes).digest('hex'), chunks[index]?.sha256);
        assert.ok(this.missing.includes(index) && !this.received.has(index), `Chunk ${index} comes again`);
        this.received.add(index);
        count += 1;
      }
    }
    decoder.end();
    return count;
  }
}
