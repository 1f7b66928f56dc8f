// Reads damaged squashfs images the way a careless caller would, and judges how the reader takes it.

import assert from 'node:assert/strict';
import { sourceOfBytes, type ByteSource } from '../../../src/formats/byte-source.ts';
import { openSquashfs } from '../../../src/formats/squashfs/reader.ts';

const MAX_CONTENT_BYTES = 1024 * 1024;

/**
 * Reads everything that can be read; returns what was found wrong with it, each kind once, in the order of its kind. Fails on errors that are
 * not a verdict on the image, and on endless work.
 */
export async function readDamaged(
  image: Uint8Array,
  limits: { entries: number; readBytes: number },
): Promise<string> {
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
  const kinds = new Set<string>();
  const take = (error: unknown): void => void kinds.add(kindOfVerdict(error));
  try {
    const reader = await openSquashfs(metered);
    for await (const stat of reader.entries()) {
      assert.ok(++entries <= limits.entries, `${entries} entries`);
      if (stat.kind === 'file') {
        await reader.readFile(stat, { maxBytes: MAX_CONTENT_BYTES }).catch(take);
      }
      await reader.stat(stat.path).catch(take);
    }
  } catch (error) {
    take(error);
  }
  return [...kinds].toSorted().join(', ');
}

/** Numbers and quoted texts are the image's own. */
function kindOfVerdict(error: unknown): string {
  assert.ok(error instanceof Error);
  const isVerdict = error instanceof SyntaxError || error instanceof RangeError || 'code' in error;
  if (!isVerdict || !error.message.startsWith('Cannot read ')) throw error;
  return error.message.replaceAll(/"[^"]*"|\d+/g, '#');
}
