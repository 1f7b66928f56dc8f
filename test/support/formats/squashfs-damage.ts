// Reads damaged squashfs images the way a careless caller would, and judges how the reader takes it.

import assert from 'node:assert/strict';
import { sourceOfBytes, type ByteSource } from '../../../src/formats/byte-source.ts';
import { openSquashfs } from '../../../src/formats/squashfs/reader.ts';

const MAX_CONTENT_BYTES = 1024 * 1024;

/** Reads everything that can be read. Fails on errors that are not a verdict on the image, and on endless work. */
export async function readDamaged(
  image: Uint8Array,
  limits: { entries: number; readBytes: number },
): Promise<void> {
  const source = sourceOfBytes(image);
  let readBytes = 0;
  const metered: ByteSource = {
    sizeBytes: source.sizeBytes,
    async read(offsetBytes, lengthBytes) {
      readBytes += lengthBytes;
      assert.ok(readBytes <= limits.readBytes, `${readBytes} bytes read`);
      return source.read(offsetBytes, lengthBytes);
    },
  };
  let entries = 0;
  try {
    const reader = await openSquashfs(metered);
    for await (const stat of reader.entries()) {
      assert.ok(++entries <= limits.entries, `${entries} entries`);
      if (stat.kind === 'file') {
        await reader.readFile(stat, { maxBytes: MAX_CONTENT_BYTES }).catch(checkVerdict);
      }
      await reader.stat(stat.path).catch(checkVerdict);
    }
  } catch (error) {
    checkVerdict(error);
  }
}

function checkVerdict(error: unknown): void {
  assert.ok(error instanceof Error);
  const isVerdict = error instanceof SyntaxError || error instanceof RangeError || 'code' in error;
  if (!isVerdict || !error.message.startsWith('Cannot read ')) throw error;
}
