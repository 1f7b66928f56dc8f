import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  ChunkStreamDecoder,
  ChunkStreamError,
  chunkStreamBytes,
  encodeChunkStream,
  MAX_CHUNK_BYTES,
  type StreamedChunk,
} from './chunk-stream.ts';

async function encode(chunks: readonly StreamedChunk[]): Promise<Uint8Array> {
  return Buffer.concat(await Array.fromAsync(encodeChunkStream(chunks)));
}

async function encodeOne(index: number, lengthBytes: number): Promise<Uint8Array> {
  return encode([{ index, bytes: new Uint8Array(lengthBytes) }]);
}

function decode(pieces: readonly Uint8Array[]): StreamedChunk[] {
  const decoder = new ChunkStreamDecoder();
  const chunks: StreamedChunk[] = [];
  for (const piece of pieces) {
    for (const { index, bytes } of decoder.push(piece)) chunks.push({ index, bytes: bytes.slice() });
  }
  decoder.end();
  return chunks;
}

function split(stream: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const borders = [
    0,
    ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b),
    stream.length,
  ];
  return borders.slice(1).map((end, i) => stream.subarray(borders[i], end));
}

const chunksArbitrary = fc.array(
  fc.record({
    index: fc.integer({ min: 0, max: 0xfffffffe }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }),
  { maxLength: 12 },
);
const cutsArbitrary = fc.array(fc.nat(), { maxLength: 40 });

test('ChunkStreamDecoder gives back what was encoded, however it is split', async () => {
  await fc.assert(
    fc.asyncProperty(chunksArbitrary, cutsArbitrary, async (chunks, cuts) => {
      const stream = await encode(chunks);
      assert.equal(stream.length, chunkStreamBytes(chunks.map(({ bytes }) => bytes.length)));
      const expected = chunks.map(({ index, bytes }) => ({ index, bytes: Uint8Array.from(bytes) }));
      assert.deepEqual(
        decode(split(stream, cuts)).map(({ index, bytes }) => ({ index, bytes: Uint8Array.from(bytes) })),
        expected,
      );
    }),
    { seed: 51, numRuns: 200 },
  );
});

test('ChunkStreamDecoder tells a cut stream from a whole one', async () => {
  const stream = await encode([
    { index: 3, bytes: Buffer.from('three') },
    { index: 0, bytes: Buffer.from('zero') },
  ]);
  for (let length = 0; length < stream.length; length++) {
    assert.throws(() => decode([stream.subarray(0, length)]), {
      name: 'SyntaxError',
      message: `Cannot read the chunk stream: it is cut off at byte ${length}`,
    });
  }
});

test('ChunkStreamDecoder says what is wrong, and where', async () => {
  const stream = Buffer.from(await encode([{ index: 7, bytes: Buffer.from('seven') }]));
  const changed = (offset: number, value: number): Uint8Array => {
    const copy = Buffer.from(stream);
    copy.writeUInt32LE(value, offset);
    return copy;
  };
  const cases: readonly [bytes: Uint8Array, problem: string, offsetBytes: number][] = [
    [Buffer.from('<!doctype html>'), 'it does not start like one', 0],
    [changed(4, 2), 'it has version 2, not 1', 0],
    [changed(12, 0), `chunk 7 has 0 bytes, not 1 to ${MAX_CHUNK_BYTES},`, 8],
    [changed(12, MAX_CHUNK_BYTES + 1), `chunk 7 has 1048577 bytes, not 1 to ${MAX_CHUNK_BYTES},`, 8],
    [changed(25, 2), 'it should have had 2 chunks, not 1', 21],
    [Buffer.concat([stream, Buffer.from('x')]), 'something follows the end', 29],
  ];
  for (const [bytes, problem, offsetBytes] of cases) {
    for (const pieces of [[bytes], Array.from(bytes, (byte) => Uint8Array.of(byte))]) {
      assert.throws(
        () => decode(pieces),
        (error: unknown) => {
          assert.ok(error instanceof ChunkStreamError);
          assert.equal(error.message, `Cannot read the chunk stream: ${problem} at byte ${offsetBytes}`);
          assert.equal(error.offsetBytes, offsetBytes);
          return true;
        },
      );
    }
  }
});

test('ChunkStreamDecoder throws nothing but ChunkStreamError at garbage', () => {
  const start = fc.constantFrom(new Uint8Array(), Buffer.from('TSKC\u0001\0\0\0', 'latin1'));
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), cutsArbitrary, (first, garbage, cuts) => {
      try {
        decode(split(Buffer.concat([first, garbage]), cuts));
      } catch (error) {
        assert.ok(error instanceof ChunkStreamError);
      }
    }),
    { seed: 52, numRuns: 500 },
  );
});

test('encodeChunkStream refuses what a decoder would not take', async () => {
  await assert.rejects(encodeOne(0, 0), /Cannot send chunk 0: it has 0 bytes/);
  await assert.rejects(encodeOne(0, MAX_CHUNK_BYTES + 1), RangeError);
  await assert.rejects(encodeOne(0xffffffff, 1), RangeError);
  await encodeOne(0xfffffffe, MAX_CHUNK_BYTES);
});
