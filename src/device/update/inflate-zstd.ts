// A zstd stream (RFC 8878) that somebody else made, as its content: piece by piece, no faster than that is used, with
// a bound on the memory that its frames may ask for. How much comes out is for the user to bound.

import { constants, createZstdDecompress, type ZstdDecompress } from 'node:zlib';

import { MAX_ZSTD_WINDOW_LOG } from '../../shared/update/update-api.ts';
import { BadStream } from './update-refusal.ts';

/** Throws BadStream for what is no zstd, or not all of one. `dictionary`: what it was packed against. */
export async function* inflateZstd(
  pieces: AsyncIterable<Uint8Array>,
  dictionary?: Uint8Array,
): AsyncGenerator<Uint8Array> {
  const zstd = createZstdDecompress({
    params: { [constants.ZSTD_d_windowLogMax]: MAX_ZSTD_WINDOW_LOG },
    ...(dictionary !== undefined && { dictionary }),
  });
  // What goes wrong while nobody feeds it is told by the next piece.
  zstd.on('error', () => {});
  try {
    for await (const piece of pieces) {
      // A decoder ends where the next thing is no frame, and takes the rest without a word.
      if (zstd.readableEnded) throw new BadStream('The body is no zstd: something follows the end');
      yield* feed(zstd, (done) => zstd.write(piece, done));
    }
    yield* feed(zstd, (done) => (zstd.readableEnded ? done() : zstd.once('end', done).end()));
  } finally {
    zstd.destroy();
  }
}

/** What comes out for one piece, or at the end. zstd calls `done` only when all of that has been taken. */
async function* feed(
  zstd: ZstdDecompress,
  give: (done: (error?: Error | null) => void) => void,
): AsyncGenerator<Uint8Array> {
  let isDone = false;
  let failure: Error | undefined;
  let woken = Promise.withResolvers<void>();
  const wake = () => {
    woken.resolve();
  };
  const fail = (error: Error) => {
    failure ??= error;
    wake();
  };
  zstd.on('readable', wake).on('error', fail);
  try {
    give((error) => {
      isDone = true;
      if (error) failure ??= error;
      wake();
    });
    for (;;) {
      woken = Promise.withResolvers();
      for (let out = zstd.read() as Buffer | null; out !== null; out = zstd.read() as Buffer | null)
        yield out;
      if (failure) throw new BadStream(`The body is no zstd: ${failure.message}`, { cause: failure });
      if (isDone) return;
      await woken.promise;
    }
  } finally {
    zstd.off('readable', wake).off('error', fail);
  }
}
