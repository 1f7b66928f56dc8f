import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';

import { inflateZstd } from './inflate-zstd.ts';

function* split(bytes: Uint8Array, pieceBytes: number): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += pieceBytes)
    yield bytes.subarray(start, start + pieceBytes);
}

async function inflate(bytes: Uint8Array, pieceBytes = 1000): Promise<Buffer> {
  async function* pieces(): AsyncGenerator<Uint8Array> {
    yield* split(bytes, pieceBytes);
  }
  return Buffer.concat(await Array.fromAsync(inflateZstd(pieces())));
}

test('inflateZstd gives back what was compressed, however it comes', async () => {
  const content = fc
    .tuple(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 0, max: 500 }))
    .map(([bytes, times]) => Buffer.concat(Array.from({ length: times }, () => bytes)));
  await fc.assert(
    fc.asyncProperty(content, fc.integer({ min: 1, max: 5000 }), async (bytes, pieceBytes) => {
      assert.ok((await inflate(zstdCompressSync(bytes), pieceBytes)).equals(bytes));
    }),
    { seed: 55, numRuns: 50 },
  );
});

test('inflateZstd takes several frames for one content', async () => {
  const frames = ['one, ', 'two'].map((text) => zstdCompressSync(text));
  assert.equal((await inflate(Buffer.concat(frames), 1)).toString(), 'one, two');
});

test('inflateZstd refuses what is no zstd, or not all of one', async () => {
  const whole = zstdCompressSync('x'.repeat(100_000));
  const window = { [constants.ZSTD_c_windowLog]: 24 };
  const cases: [Uint8Array, RegExp][] = [
    [Buffer.alloc(0), /unexpected end of file/],
    [whole.subarray(0, -1), /unexpected end of file/],
    [Buffer.from('plain text'), /Unknown frame descriptor/],
    [Buffer.concat([whole, Buffer.alloc(5000, 1)]), /something follows the end/],
    [zstdCompressSync(Buffer.alloc(2 ** 24), { params: window }), /requires too much memory/],
  ];
  for (const [bytes, says] of cases)
    await assert.rejects(inflate(bytes), (error: Error) => {
      assert.equal(error.name, 'BadStream');
      assert.match(error.message, says);
      return true;
    });
});

test('inflateZstd is done as soon as its user is', async () => {
  let taken = 0;
  async function* bomb(): AsyncGenerator<Uint8Array> {
    for (const piece of split(zstdCompressSync(Buffer.alloc(2 ** 26)), 100)) {
      taken++;
      yield piece;
    }
  }
  for await (const piece of inflateZstd(bomb())) if (piece.length > 0) break;
  assert.equal(taken, 1);
});
