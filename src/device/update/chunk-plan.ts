// Works out how a root partition becomes a new image: which chunks are in their place, where on the device the
// others are, and which have to be sent. Nothing that lies anywhere is believed: all bytes are hashed.
//
// Chunks may be anywhere in the target, too, as an update that was cut off has left them for an image that differs.
// Those in the way of the new image are put aside first, behind it, and copied from there; no order of moves has to
// be found, and a power cut in between loses nothing. For what finds no room there, the client is asked. Chunks of
// boot files are put aside likewise until all is there: they belong on another partition.

import { type ByteSource, readInto } from '../../formats/byte-source.ts';
import { type NumberedChunk, numberChunks } from '../../shared/chunk-index.ts';
import type { Manifest, ManifestFile } from '../../shared/manifest.ts';
import { sha256Of } from './content-hash.ts';
import { FreeSpace } from './free-space.ts';
import { PAGE_BYTES } from './page-writer.ts';
import { type ChunkPlace, recordOffset } from './place-record.ts';

/** The image and what is put aside do not fit into the root partition. */
export class SlotSizeError extends RangeError {}

/** Some content of the new image, wherever and how often it occurs in it. */
export interface WantedChunk {
  /** The lowest of its numbers. */
  readonly index: number;
  readonly sha256: string;
  readonly lengthBytes: number;
  /** Where in the target root it is to be written. */
  toWrite: readonly number[];
  /** A boot file that is to be written has it. */
  forBoot: boolean;
  /** Where it is now, and stays until the image is complete; undefined: it has to be sent. */
  place: Place | undefined;
  /** Where it is put aside: at the start if it has a place, else when it has been sent. */
  asideBytes: number | undefined;
}

export interface Place {
  source: ByteSource;
  offsetBytes: number;
}

export interface ChunkPlan {
  /** By chunk number; those with the same content share one. */
  byNumber: readonly WantedChunk[];
  /** Each once, in the order of their first numbers. */
  chunks: readonly WantedChunk[];
  /** To be put aside before anything else is written. */
  moves: readonly WantedChunk[];
  /** What is in the target, or will be, and nowhere else: to be recorded. */
  places: readonly ChunkPlace[];
}

/** Something that does not change meanwhile, and what is said to be in it. */
export interface ChunkLibrary {
  content: ByteSource;
  chunks: readonly ChunkPlace[];
}

export interface PlanOptions {
  manifest: Manifest;
  /** Those of the manifest's that the slot does not have yet. */
  bootFiles: ReadonlySet<ManifestFile>;
  targetRoot: ByteSource;
  libraries: readonly ChunkLibrary[];
  /** What is said to be in the target. */
  hints: readonly ChunkPlace[];
  signal?: AbortSignal | undefined;
}

export async function planChunks(options: PlanOptions): Promise<ChunkPlan> {
  const { manifest, targetRoot, signal } = options;
  const space = new FreeSpace(imageEnd(manifest), recordOffset(targetRoot.sizeBytes));
  if (imageEnd(manifest) > recordOffset(targetRoot.sizeBytes)) throw tooLarge(manifest, targetRoot);
  const { byNumber, wanted } = groupChunks(numberChunks(manifest), options.bootFiles);
  const search = new Search(wanted, signal);
  await search.inPlace(byNumber, manifest, targetRoot);
  for (const library of options.libraries) await search.library(library);
  // Those that can stay where they are first.
  const staying = (hint: ChunkPlace): boolean => hint.offsetBytes >= imageEnd(manifest);
  const hints = options.hints.filter(
    ({ offsetBytes, lengthBytes }) => offsetBytes + lengthBytes <= recordOffset(targetRoot.sizeBytes),
  );
  const stable = await search.library({ content: targetRoot, chunks: hints.filter(staying) });
  const inTheWay = await search.library({
    content: targetRoot,
    chunks: hints.filter((hint) => !staying(hint)),
  });
  for (const { place, lengthBytes } of stable) space.reserve(place!.offsetBytes, lengthBytes);

  const chunks = [...wanted.values()];
  const toStage = chunks.filter(({ place, toWrite }) => place === undefined && toWrite.length === 0);
  // From the last to the first: space is handed out from its end, and they are going to come in order.
  for (const chunk of toStage.toReversed()) {
    chunk.asideBytes = space.take(chunk.lengthBytes);
    if (chunk.asideBytes === undefined) throw tooLarge(manifest, targetRoot);
  }
  const moves: WantedChunk[] = [];
  for (const chunk of inTheWay.toReversed()) {
    chunk.asideBytes = space.take(chunk.lengthBytes);
    if (chunk.asideBytes !== undefined) moves.push(chunk);
    else if (chunk.toWrite.length > 0) chunk.place = undefined;
    else throw tooLarge(manifest, targetRoot);
  }
  const found = new Set([...stable, ...moves]);
  return { byNumber, chunks, moves: moves.toReversed(), places: chunks.flatMap((c) => placesOf(c, found)) };
}

function imageEnd(manifest: Manifest): number {
  return Math.ceil(manifest.root.sizeBytes / PAGE_BYTES) * PAGE_BYTES;
}

function tooLarge({ root, bootFiles }: Manifest, targetRoot: ByteSource): SlotSizeError {
  const bootBytes = bootFiles.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return new SlotSizeError(
    `Cannot update: the root image has ${root.sizeBytes} bytes, and with boot files of ${bootBytes} bytes that wait ` +
      `behind it until all is there it does not fit into a partition of ${targetRoot.sizeBytes} bytes`,
  );
}

function keyOf({ sha256, lengthBytes }: { sha256: string; lengthBytes: number }): string {
  return `${sha256} ${lengthBytes}`;
}

/** What the image consists of, each content once. Chunks of boot files that are there already are not wanted. */
function groupChunks(
  numbered: readonly NumberedChunk[],
  bootFiles: ReadonlySet<ManifestFile>,
): { byNumber: WantedChunk[]; wanted: Map<string, WantedChunk> } {
  const all = new Map<string, WantedChunk>();
  const byNumber = numbered.map((chunk) => {
    const { index, sha256, lengthBytes, file } = chunk;
    let group = all.get(keyOf(chunk));
    if (!group) {
      group = {
        index,
        sha256,
        lengthBytes,
        toWrite: [],
        forBoot: false,
        place: undefined,
        asideBytes: undefined,
      };
      all.set(keyOf(chunk), group);
    }
    if (file === null) group.toWrite = [...group.toWrite, chunk.offsetBytes];
    else if (bootFiles.has(file)) group.forBoot = true;
    return group;
  });
  const wanted = [...all].filter(([, { toWrite, forBoot }]) => toWrite.length > 0 || forBoot);
  return { byNumber, wanted: new Map(wanted) };
}

class Search {
  readonly #wanted: ReadonlyMap<string, WantedChunk>;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer: Uint8Array;

  constructor(wanted: ReadonlyMap<string, WantedChunk>, signal: AbortSignal | undefined) {
    this.#wanted = wanted;
    this.#signal = signal;
    const lengths = [...wanted.values()].map(({ lengthBytes }) => lengthBytes);
    this.#buffer = new Uint8Array(lengths.reduce((x, y) => Math.max(x, y), 0));
  }

  /** What is where the new image has it needs not be written, and serves as the place for all others. */
  async inPlace(byNumber: readonly WantedChunk[], { root }: Manifest, targetRoot: ByteSource): Promise<void> {
    let offsetBytes = 0;
    for (const chunk of byNumber.slice(0, root.chunks.length)) {
      const here = offsetBytes;
      offsetBytes += chunk.lengthBytes;
      if (!(await this.#matches(chunk, targetRoot, here))) continue;
      chunk.toWrite = chunk.toWrite.filter((other) => other !== here);
      chunk.place ??= { source: targetRoot, offsetBytes: here };
    }
  }

  /** Gives a place to those that are wanted and in the library; returns them. */
  async library({ content, chunks }: ChunkLibrary): Promise<WantedChunk[]> {
    const found: WantedChunk[] = [];
    for (const hint of chunks) {
      const chunk = this.#wanted.get(keyOf(hint));
      if (!chunk || chunk.place || !(await this.#matches(chunk, content, hint.offsetBytes))) continue;
      chunk.place = { source: content, offsetBytes: hint.offsetBytes };
      found.push(chunk);
    }
    return found;
  }

  async #matches(chunk: WantedChunk, source: ByteSource, offsetBytes: number): Promise<boolean> {
    this.#signal?.throwIfAborted();
    if (offsetBytes + chunk.lengthBytes > source.sizeBytes) return false;
    const bytes = this.#buffer.subarray(0, chunk.lengthBytes);
    await readInto(source, offsetBytes, bytes);
    return sha256Of(bytes) === chunk.sha256;
  }
}

function placesOf(chunk: WantedChunk, found: ReadonlySet<WantedChunk>): ChunkPlace[] {
  const { sha256, lengthBytes, asideBytes, place, toWrite } = chunk;
  const offsets: number[] = [];
  if (asideBytes !== undefined) offsets.push(asideBytes);
  else if (!place) offsets.push(toWrite[0]!);
  if (place && found.has(chunk)) offsets.push(place.offsetBytes);
  return offsets.map((offsetBytes) => ({ sha256, offsetBytes, lengthBytes }));
}
