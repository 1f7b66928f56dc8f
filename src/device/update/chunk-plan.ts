// Works out how a root partition becomes a new image: which chunks are in their place, where on the device the
// others are, and which have to be sent. Nothing that lies anywhere is believed: all bytes are hashed.
//
// Chunks may be anywhere in the target, too, as an update that was cut off has left them for an image that differs.
// Those in the way of the new image are put aside first, behind it, and copied from there; no order of moves has to
// be found, and a power cut in between loses nothing. For what finds no room there, the client is asked. Chunks of
// boot files are put aside likewise until all is there: they belong on another partition.

import { type ByteSource, readInto } from '../../formats/byte-source.ts';
import { type NumberedChunk, numberChunks } from '../../shared/manifest/chunk-index.ts';
import type { Manifest, ManifestFile } from '../../shared/manifest/manifest.ts';
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
  /** Offsets in the target root at which the chunk is to be written. */
  toWrite: number[];
  /** A boot file that is to be written has it. */
  forBoot: boolean;
  /** Place where the chunk is now, and stays until the image is complete; undefined: it has to be sent. */
  place: Place | undefined;
  /** Place where the chunk is put aside: at the start if it has a place, else when it has been sent. */
  asideBytes: number | undefined;
}

interface Place {
  source: ByteSource;
  offsetBytes: number;
}

export interface ChunkPlan {
  /** Chunks by number; those with the same content share one. */
  byNumber: readonly WantedChunk[];
  /** Each once, in the order of their first numbers. */
  chunks: readonly WantedChunk[];
  /** Chunks to be put aside before anything else is written. */
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
  /** Files of the manifest that the slot does not have yet. */
  bootFiles: ReadonlySet<ManifestFile>;
  targetRoot: ByteSource;
  libraries: readonly ChunkLibrary[];
  /** What is said to be in the target. */
  hints: readonly ChunkPlace[];
  signal?: AbortSignal | undefined;
}

export async function planChunks(options: PlanOptions): Promise<ChunkPlan> {
  const { manifest, targetRoot, hints, libraries, signal } = options;
  const byNumber = groupChunks(numberChunks(manifest), options.bootFiles);
  const chunks = [...new Set(byNumber)].filter(
    ({ index, forBoot }) => index < manifest.root.chunks.length || forBoot,
  );
  const search = new Search(chunks, signal);
  await search.inPlace(byNumber.slice(0, manifest.root.chunks.length), targetRoot);
  for (const library of libraries) await search.library(library);
  const endBytes = recordOffset(targetRoot.sizeBytes);
  const usable = hints.filter((hint) => hint.offsetBytes + hint.lengthBytes <= endBytes);
  // Chunks that can stay where they are come first.
  const { behind = [], inTheWay = [] } = Object.groupBy(usable, ({ offsetBytes }) =>
    offsetBytes >= imageEnd(manifest) ? 'behind' : 'inTheWay',
  );
  const staying = await search.library({ content: targetRoot, chunks: behind });
  const moving = await search.library({ content: targetRoot, chunks: inTheWay });
  const moves = findRoom(options, chunks, staying, moving);
  const found = new Set([...staying, ...moves]);
  return { byNumber, chunks, moves, places: chunks.flatMap((chunk) => placesOf(chunk, found)) };
}

/** Gives a place aside to those that need one; returns those that are to be moved there at the start. */
function findRoom(
  { manifest, targetRoot }: PlanOptions,
  chunks: readonly WantedChunk[],
  staying: readonly WantedChunk[],
  moving: readonly WantedChunk[],
): WantedChunk[] {
  const endBytes = recordOffset(targetRoot.sizeBytes);
  if (imageEnd(manifest) > endBytes) throw tooLarge(manifest, targetRoot);
  const space = new FreeSpace(imageEnd(manifest), endBytes);
  for (const { place, lengthBytes } of staying) space.reserve(place!.offsetBytes, lengthBytes);
  const homeless = chunks.filter(({ place, toWrite }) => place === undefined && toWrite.length === 0);
  // The last one comes first: space is handed out from its end, and chunks are going to come in order.
  for (const chunk of homeless.toReversed()) {
    chunk.asideBytes = space.take(chunk.lengthBytes);
    if (chunk.asideBytes === undefined) throw tooLarge(manifest, targetRoot);
  }
  for (const chunk of moving.toReversed()) {
    chunk.asideBytes = space.take(chunk.lengthBytes);
    if (chunk.asideBytes !== undefined) continue;
    if (chunk.toWrite.length === 0) throw tooLarge(manifest, targetRoot);
    chunk.place = undefined;
  }
  return moving.filter(({ place }) => place !== undefined);
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

/** Groups by number, each content once. */
function groupChunks(
  numbered: readonly NumberedChunk[],
  bootFiles: ReadonlySet<ManifestFile>,
): WantedChunk[] {
  const groups = new Map<string, WantedChunk>();
  return numbered.map((chunk) => {
    const { index, sha256, lengthBytes, file } = chunk;
    let group = groups.get(keyOf(chunk));
    if (!group) {
      const unknown = { toWrite: [], forBoot: false, place: undefined, asideBytes: undefined };
      group = { index, sha256, lengthBytes, ...unknown };
      groups.set(keyOf(chunk), group);
    }
    if (file && bootFiles.has(file)) group.forBoot = true;
    return group;
  });
}

class Search {
  readonly #wanted: ReadonlyMap<string, WantedChunk>;
  readonly #signal: AbortSignal | undefined;
  readonly #buffer: Uint8Array;

  constructor(wanted: readonly WantedChunk[], signal: AbortSignal | undefined) {
    this.#wanted = new Map(wanted.map((chunk) => [keyOf(chunk), chunk]));
    this.#signal = signal;
    this.#buffer = new Uint8Array(wanted.reduce((most, { lengthBytes }) => Math.max(most, lengthBytes), 0));
  }

  /** What is where the new image has it needs not be written, and serves as the place for all others. */
  async inPlace(rootChunks: readonly WantedChunk[], targetRoot: ByteSource): Promise<void> {
    let offsetBytes = 0;
    for (const chunk of rootChunks) {
      if (!(await this.#matches(chunk, targetRoot, offsetBytes))) chunk.toWrite.push(offsetBytes);
      else chunk.place ??= { source: targetRoot, offsetBytes };
      offsetBytes += chunk.lengthBytes;
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
