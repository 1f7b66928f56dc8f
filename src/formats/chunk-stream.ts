// Chunks on their way to a device: each with the number under which the manifest has it, and an end that tells
// a whole stream from a cut one. Compression and hashes are other people's part. Numbers are little-endian.
//
//   start    0 4  magic "TSKC"
//            4 4  version, 1
//   chunk    0 4  number of the chunk
//            4 4  length of its bytes, 1 to MAX_CHUNK_BYTES
//            8 n  the bytes
//   end      0 4  0xffffffff
//            4 4  how many chunks there were

/** What a device has to hold in memory at once. A manifest with a longer chunk is refused. */
export const MAX_CHUNK_BYTES = 1024 * 1024;

const MAGIC = 0x434b5354;
const VERSION = 1;
const HEADER_BYTES = 8;
const END = 0xffffffff;

export interface StreamedChunk {
  index: number;
  bytes: Uint8Array;
}

/** What is read is no chunk stream, or not all of one. */
export class ChunkStreamError extends SyntaxError {
  /** Offset in the stream, from its start. */
  readonly offsetBytes: number;

  constructor(problem: string, offsetBytes: number) {
    super(`Cannot read the chunk stream: ${problem} at byte ${offsetBytes}`);
    this.offsetBytes = offsetBytes;
  }
}

function encodeHeader(first: number, second: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, first, true);
  view.setUint32(4, second, true);
  return bytes;
}

/** The whole stream, piece by piece. A chunk's bytes are passed on as they are, without a copy. */
export async function* encodeChunkStream(
  chunks: AsyncIterable<StreamedChunk> | Iterable<StreamedChunk>,
): AsyncGenerator<Uint8Array> {
  yield encodeHeader(MAGIC, VERSION);
  let count = 0;
  for await (const { index, bytes } of chunks) {
    if (!Number.isInteger(index) || index < 0 || index >= END) {
      throw new RangeError(`Cannot send chunk ${index}: numbers go from 0 to ${END - 1}`);
    }
    if (bytes.length === 0 || bytes.length > MAX_CHUNK_BYTES) {
      throw new RangeError(
        `Cannot send chunk ${index}: it has ${bytes.length} bytes, not 1 to ${MAX_CHUNK_BYTES}`,
      );
    }
    yield encodeHeader(index, bytes.length);
    yield bytes;
    count++;
  }
  yield encodeHeader(END, count);
}

/** Length of the stream that has chunks of these lengths. */
export function chunkStreamBytes(chunkLengths: readonly number[]): number {
  return chunkLengths.reduce((sum, lengthBytes) => sum + HEADER_BYTES + lengthBytes, 2 * HEADER_BYTES);
}

/** Reads a stream that arrives in pieces of any size. It holds one chunk at most. */
export class ChunkStreamDecoder {
  #state: 'start' | 'header' | 'chunk' | 'end' = 'start';
  /** What the state waits for, as far as it has come; grows up to one chunk and is used again. */
  #buffer = new Uint8Array(HEADER_BYTES);
  #filledBytes = 0;
  #neededBytes = HEADER_BYTES;
  #index = 0;
  #chunkCount = 0;
  #offsetBytes = 0;

  /**
   * The chunks that are whole now. Take all of them before the next piece; the bytes of each are good until the
   * next one is taken. Throws ChunkStreamError.
   */
  *push(piece: Uint8Array): Generator<StreamedChunk> {
    let position = 0;
    while (position < piece.length) {
      if (this.#state === 'end') throw this.#error('something follows the end');
      const length = Math.min(this.#neededBytes - this.#filledBytes, piece.length - position);
      const arrived = piece.subarray(position, position + length);
      position += length;
      const item = this.#collect(arrived);
      this.#offsetBytes += length;
      if (!item) return;
      if (this.#state === 'chunk') {
        this.#chunkCount++;
        this.#expect('header', HEADER_BYTES);
        yield { index: this.#index, bytes: item };
      } else this.#readHeader(item);
    }
  }

  /** Has to be called when there are no more pieces: throws ChunkStreamError unless the stream is whole. */
  end(): void {
    if (this.#state !== 'end') throw this.#error('it is cut off');
  }

  /** What was waited for, once all of it is there; without a copy if it comes in one piece. */
  #collect(arrived: Uint8Array): Uint8Array | undefined {
    if (arrived.length === this.#neededBytes) return arrived;
    if (this.#buffer.length < this.#neededBytes) this.#buffer = new Uint8Array(this.#neededBytes);
    this.#buffer.set(arrived, this.#filledBytes);
    this.#filledBytes += arrived.length;
    return this.#filledBytes === this.#neededBytes ? this.#buffer.subarray(0, this.#neededBytes) : undefined;
  }

  #expect(state: 'header' | 'chunk' | 'end', neededBytes: number): void {
    this.#state = state;
    this.#neededBytes = neededBytes;
    this.#filledBytes = 0;
  }

  #readHeader(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
    const first = view.getUint32(0, true);
    const second = view.getUint32(4, true);
    if (this.#state === 'start') {
      if (first !== MAGIC) throw this.#error('it does not start like one', HEADER_BYTES);
      if (second !== VERSION) throw this.#error(`it has version ${second}, not ${VERSION}`, HEADER_BYTES);
      this.#expect('header', HEADER_BYTES);
    } else if (first === END) {
      if (second !== this.#chunkCount) {
        throw this.#error(`it should have had ${second} chunks, not ${this.#chunkCount}`, HEADER_BYTES);
      }
      this.#expect('end', HEADER_BYTES);
    } else {
      if (second === 0 || second > MAX_CHUNK_BYTES) {
        throw this.#error(`chunk ${first} has ${second} bytes, not 1 to ${MAX_CHUNK_BYTES},`, HEADER_BYTES);
      }
      this.#index = first;
      this.#expect('chunk', second);
    }
  }

  #error(problem: string, backBytes = 0): ChunkStreamError {
    return new ChunkStreamError(problem, this.#offsetBytes - backBytes);
  }
}
