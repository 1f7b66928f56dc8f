// Makes the inactive slot hold a new image: says which chunks are nowhere on the device, takes them, and completes the
// slot from them and from what the device has. What is in the slot before may be anything: the image before, one
// that was cut off, garbage. Whoever is cut off starts again with a new installer, which finds by hashing what is done.
//
// Order, with the medium reached between the steps:
//   1. the slot loses its mark (slot-directory.ts), before anything else of it changes;
//   2. the record says where chunks are going to be (place-record.ts);
//   3. chunks that are in the way of the new image are put aside (chunk-plan.ts);
//   4. the root image: chunks that arrive, then copies of what the device has; all of it is read back;
//   5. boot files and what tells the boot loader how the slot starts; all of them are read back;
//   6. the mark.

import { readInto, sourceOfBytes } from '../../formats/byte-source.ts';
import { foldName } from '../../formats/fat/names.ts';
import { type Manifest, MANIFEST_NAME } from '../../shared/manifest/manifest.ts';
import { SIGNATURES_NAME } from '../../shared/manifest/manifest-signature.ts';
import { type ChunkPlan, planChunks, type WantedChunk } from './chunk-plan.ts';
import { bootFilesFromChunks, rootPlaces, sourceLibraries } from './chunk-sources.ts';
import { sha256Of, sha256OfSource } from './content-hash.ts';
import { type InstallProgress, progressOf, whenRead } from './install-progress.ts';
import { LoaderFiles } from '../boot-loader/loader-files.ts';
import { PageWriter } from './page-writer.ts';
import {
  type ChunkPlace,
  erasePlaceRecords,
  type PlaceRecord,
  readPlaceRecord,
  writePlaceRecord,
} from './place-record.ts';
import { readSlotManifest, SlotDirectory, type SlotFile } from './slot-directory.ts';
import type { UpdateDisk } from './update-disk.ts';
import { WrittenBytes } from './written-bytes.ts';

export interface InstallOptions {
  disk: UpdateDisk;
  manifest: Manifest;
  /** Bytes as they go into the slot's boot directory. */
  manifestBytes: Uint8Array;
  signatureBytes: Uint8Array;
  signal?: AbortSignal;
}

export interface InstallResult {
  writtenBytes: number;
  /** Bytes of the image that were not sent. */
  reusedBytes: number;
}

export interface SlotInstaller {
  /** Numbers of chunks (UpdateOffer) that are nowhere on this device. */
  missing(): readonly number[];
  /** Puts one chunk where it belongs, or aside. Throws ChunkError when it is not chunk `index` of the manifest. */
  receive(index: number, bytes: Uint8Array): Promise<void>;
  /** Completes the slot, reads everything back from the medium and checks it. Throws when it is not what the manifest says. */
  install(report: (progress: InstallProgress) => void): Promise<InstallResult>;
}

/** What was sent is not the chunk that it is said to be. Nothing was written. */
export class ChunkError extends RangeError {
  constructor(index: number, problem: string) {
    super(`Cannot take chunk ${index}: ${problem}`);
  }
}

/** How much of what was received may be lost in a power cut. */
const FLUSH_BYTES = 4 * 1024 * 1024;

/**
 * Reads through what the device has, which takes a while, and writes nothing yet. Throws SlotSizeError or FatSpaceError
 * when the image does not fit.
 */
export async function openSlotInstaller(options: InstallOptions): Promise<SlotInstaller> {
  return Installer.open(options);
}

class Installer implements SlotInstaller {
  readonly #options: InstallOptions;
  readonly #slot: SlotDirectory;
  readonly #loader: LoaderFiles;
  readonly #written: WrittenBytes;
  readonly #root: PageWriter;
  readonly #plan: ChunkPlan;
  readonly #record: PlaceRecord | undefined;
  /** Folded paths of boot files that are as they should be. */
  readonly #kept: Set<string>;
  #begun = false;
  #buffer = new Uint8Array();
  #receivedBytes = 0;
  /** What goes on: one thing at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(parts: InstallerParts) {
    this.#options = parts.options;
    this.#slot = parts.slot;
    this.#loader = parts.loader;
    this.#written = parts.written;
    this.#root = parts.root;
    this.#plan = parts.plan;
    this.#record = parts.record;
    this.#kept = parts.kept;
  }

  static async open(options: InstallOptions): Promise<Installer> {
    const { manifest, disk, signal } = options;
    const written = new WrittenBytes();
    const root = new PageWriter(written.counting(disk.targetRoot));
    const boot = written.counting(disk.boot);
    const loader = new LoaderFiles(disk.layout, boot);
    const own = loader.ownFiles(disk.target);
    const slot = new SlotDirectory(boot, disk.target, own, manifest.buildTimeSec);
    const sound = await slot.isSound();
    const kept = sound ? await slot.present(manifest.bootFiles) : new Set<string>();
    const bootFiles = manifest.bootFiles.filter(({ path }) => !kept.has(foldName(path)));
    if (sound) {
      const sizes = bootFiles.map(({ sizeBytes }) => sizeBytes);
      const marks = [options.manifestBytes.length, options.signatureBytes.length];
      await slot.checkRoom([...sizes, ...marks], kept);
    }
    const before = await readSlotManifest(disk.boot, disk.target);
    const record = await readPlaceRecord(root);
    const plan = await planChunks({
      manifest,
      bootFiles: new Set(bootFiles),
      targetRoot: root,
      libraries: await sourceLibraries(disk),
      hints: [...(record?.places ?? []), ...(before ? rootPlaces(before) : [])],
      signal,
    });
    return new Installer({ options, slot, loader, written, root, plan, record, kept });
  }

  missing(): readonly number[] {
    return this.#plan.chunks.filter(({ place }) => place === undefined).map(({ index }) => index);
  }

  async receive(index: number, bytes: Uint8Array): Promise<void> {
    return this.#inTurn(async () => {
      const chunk = this.#plan.byNumber[index];
      if (!chunk) throw new ChunkError(index, 'the manifest has no such chunk');
      if (bytes.length !== chunk.lengthBytes) {
        throw new ChunkError(index, `it has ${bytes.length} bytes, not ${chunk.lengthBytes}`);
      }
      if (sha256Of(bytes) !== chunk.sha256)
        throw new ChunkError(index, 'its bytes are not those of the manifest');
      const needed = chunk.toWrite.length > 0 || chunk.asideBytes !== undefined;
      if (chunk.place || !needed) return;
      this.#options.signal?.throwIfAborted();
      await this.#begin();
      await this.#put(chunk, bytes);
      const flushes = Math.floor(this.#receivedBytes / FLUSH_BYTES);
      this.#receivedBytes += bytes.length;
      if (Math.floor(this.#receivedBytes / FLUSH_BYTES) > flushes) await this.#root.flush();
    });
  }

  async install(report: (progress: InstallProgress) => void): Promise<InstallResult> {
    return this.#inTurn(() => this.#install(report));
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {
      // Whoever called is told.
    });
    return turn;
  }

  /** Comes before the first change of the slot. */
  async #begin(): Promise<void> {
    if (this.#begun) return;
    await this.#slot.unmark();
    await this.#recordPlaces();
    for (const chunk of this.#plan.moves) {
      const bytes = await this.#read(chunk);
      await this.#root.write(chunk.asideBytes!, bytes);
      chunk.place = { source: this.#root, offsetBytes: chunk.asideBytes! };
    }
    await this.#root.flush();
    this.#begun = true;
  }

  /** What earlier updates have recorded stays for as long as there is room: it may be of use to a later one. */
  async #recordPlaces(): Promise<void> {
    const earlier = this.#record?.places ?? [];
    const known = new Set(earlier.map(keyOf));
    if (this.#plan.places.every((place) => known.has(keyOf(place)))) return;
    const added = new Set(this.#plan.places.map(keyOf));
    const places = [...this.#plan.places, ...earlier.filter((place) => !added.has(keyOf(place)))];
    await writePlaceRecord(this.#root, places, this.#record);
  }

  async #put(chunk: WantedChunk, bytes: Uint8Array): Promise<void> {
    const offsets = chunk.toWrite.length > 0 ? chunk.toWrite : [chunk.asideBytes!];
    for (const offsetBytes of offsets) await this.#root.write(offsetBytes, bytes);
    // Whoever comes next on this disk is to find it.
    await this.#root.drain();
    chunk.place ??= { source: this.#root, offsetBytes: offsets[0]! };
    chunk.toWrite = [];
  }

  /**
   * From where the device has it, good until the next one is read. Hashed once more: what was there when it was found
   * may have changed.
   */
  async #read(chunk: WantedChunk): Promise<Uint8Array> {
    this.#options.signal?.throwIfAborted();
    const { source, offsetBytes } = chunk.place!;
    if (this.#buffer.length < chunk.lengthBytes) this.#buffer = new Uint8Array(chunk.lengthBytes);
    const bytes = this.#buffer.subarray(0, chunk.lengthBytes);
    await readInto(source, offsetBytes, bytes);
    if (sha256Of(bytes) === chunk.sha256) return bytes;
    // The next installer asks for it.
    throw new Error(`Chunk ${chunk.index} has changed on the disk since it was found there`);
  }

  async #install(report: (progress: InstallProgress) => void): Promise<InstallResult> {
    const missing = this.missing();
    if (missing.length > 0) throw new Error(`Cannot complete the slot: ${missing.length} chunks are missing`);
    const { disk, manifest, manifestBytes, signatureBytes } = this.#options;
    const bootBytes = manifest.bootFiles.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const check = progressOf('check', manifest.root.sizeBytes + bootBytes + signatureBytes.length, report);
    await this.#copyRoot(report);
    await disk.dropCaches();
    await this.#checkRoot(check);

    const manifestFile = fileOfBytes(MANIFEST_NAME, manifestBytes);
    const signatures = fileOfBytes(SIGNATURES_NAME, signatureBytes);
    const isSame = (await this.#slot.present([manifestFile])).size > 0;
    if (!isSame || !(await this.#slot.isSound())) await this.#begin();
    await this.#writeBootFiles(signatures, report);
    const { kernelArgs } = manifest;
    const cmdline = { rootPartitionGuid: await disk.rootGuid(disk.target), slot: disk.target, kernelArgs };
    await this.#slot.makeOwn(this.#loader.newOwnFile(cmdline));
    await this.#loader.renew(cmdline);
    await disk.dropCaches();
    await this.#slot.check([...manifest.bootFiles, signatures], check);
    if (!(await this.#loader.startsWith(cmdline))) {
      const { path } = this.#loader.newOwnFile(cmdline);
      throw new Error(`The boot partition has not kept "${path}" as it was written`);
    }
    if (this.#begun) {
      await this.#slot.mark(manifestFile);
      await disk.dropCaches();
      await this.#slot.check([manifestFile], () => {});
    }
    if (this.#record || this.#begun) await erasePlaceRecords(this.#root);
    const reusedBytes = manifest.root.sizeBytes + bootBytes - this.#receivedBytes;
    return { writtenBytes: this.#written.bytes, reusedBytes };
  }

  async #copyRoot(report: (progress: InstallProgress) => void): Promise<void> {
    const copies = this.#plan.chunks
      .flatMap((chunk) => chunk.toWrite.map((offsetBytes) => ({ chunk, offsetBytes })))
      .toSorted((x, y) => x.offsetBytes - y.offsetBytes);
    if (copies.length > 0) {
      const totalBytes = copies.reduce((sum, { chunk }) => sum + chunk.lengthBytes, 0);
      const advance = progressOf('root', totalBytes, report);
      // Much may have to be put aside before the first copy, and the client waits for a sign of life.
      advance(0);
      await this.#begin();
      for (const { chunk, offsetBytes } of copies) {
        await this.#root.write(offsetBytes, await this.#read(chunk));
        advance(chunk.lengthBytes);
      }
      for (const { chunk } of copies) chunk.toWrite = [];
    }
    await this.#root.flush();
  }

  async #checkRoot(onPiece: (lengthBytes: number) => void): Promise<void> {
    const { sizeBytes, sha256 } = this.#options.manifest.root;
    const { signal } = this.#options;
    const read = await sha256OfSource(this.#root, { lengthBytes: sizeBytes, signal, onPiece });
    if (read === sha256) return;
    throw new Error(`The root partition has not kept the image as it was written: it reads back as ${read}`);
  }

  async #writeBootFiles(signatures: SlotFile, report: (progress: InstallProgress) => void): Promise<void> {
    const wanted = [...bootFilesFromChunks(this.#options.manifest, this.#plan.byNumber), signatures];
    const kept = this.#kept.union(await this.#slot.present([signatures]));
    const differing = wanted.filter(({ path }) => !kept.has(foldName(path)));
    if (differing.some((file) => file !== signatures)) await this.#begin();
    const totalBytes = differing.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const advance = progressOf('boot files', totalBytes, report);
    const files = wanted.map((file) => ({ ...file, content: whenRead(file.content, advance) }));
    await this.#slot.write(files, kept);
    for (const { path } of differing) this.#kept.add(foldName(path));
  }
}

function keyOf({ sha256, offsetBytes }: ChunkPlace): string {
  return `${sha256} ${offsetBytes}`;
}

interface InstallerParts {
  options: InstallOptions;
  slot: SlotDirectory;
  loader: LoaderFiles;
  written: WrittenBytes;
  root: PageWriter;
  plan: ChunkPlan;
  record: PlaceRecord | undefined;
  kept: Set<string>;
}

function fileOfBytes(path: string, bytes: Uint8Array): SlotFile {
  return { path, sizeBytes: bytes.length, sha256: sha256Of(bytes), content: sourceOfBytes(bytes) };
}
