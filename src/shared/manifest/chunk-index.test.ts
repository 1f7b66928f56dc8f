import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numberChunks } from './chunk-index.ts';

const chunk = (lengthBytes: number, letter: string) => ({ lengthBytes, sha256: letter.repeat(64) });
const root = { sizeBytes: 30, sha256: '0'.repeat(64), chunks: [chunk(10, 'a'), chunk(20, 'b')] };
const file = (path: string, chunks: ReturnType<typeof chunk>[]) => ({
  path,
  sizeBytes: chunks.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
  sha256: '1'.repeat(64),
  chunks,
});

test('numberChunks counts the root image first, then the boot files in their order', () => {
  const kernel = file('vmlinuz', [chunk(5, 'c'), chunk(6, 'd')]);
  const bootFiles = [kernel, file('empty', []), file('cmdline.txt', [chunk(7, 'e')])];
  assert.deepEqual(numberChunks({ root, bootFiles }), [
    { index: 0, file: null, offsetBytes: 0, ...chunk(10, 'a') },
    { index: 1, file: null, offsetBytes: 10, ...chunk(20, 'b') },
    { index: 2, file: kernel, offsetBytes: 0, ...chunk(5, 'c') },
    { index: 3, file: kernel, offsetBytes: 5, ...chunk(6, 'd') },
    { index: 4, file: bootFiles[2], offsetBytes: 0, ...chunk(7, 'e') },
  ]);
});

test('numberChunks refuses lengths that cannot be', () => {
  const withRoot = (chunks: ReturnType<typeof chunk>[]) => () =>
    numberChunks({ root: { ...root, chunks }, bootFiles: [] });
  assert.throws(withRoot([chunk(10, 'a')]), {
    name: 'SyntaxError',
    message: 'Cannot use the manifest: the chunks of the root image have 10 bytes, not 30',
  });
  for (const lengthBytes of [0, -1, 1.5, 2 ** 20 + 1]) {
    assert.throws(
      withRoot([chunk(lengthBytes, 'a')]),
      /a chunk of the root image has .* bytes, not 1 to 1048576/,
    );
  }
  const short = { ...file('vmlinuz', [chunk(5, 'c')]), sizeBytes: 6 };
  assert.throws(
    () => numberChunks({ root, bootFiles: [short] }),
    /the chunks of "vmlinuz" have 5 bytes, not 6/,
  );
});
