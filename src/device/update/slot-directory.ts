// A slot's directory on the boot partition, while an update changes it.
//
// The manifest is the mark of a slot that is whole: it goes first, before a byte of the slot changes, and comes back
// last, after all else has been read back from the medium. The kernel goes before any other boot file does, and
// comes after all of them, so that a boot loader never finds one whose slot is of two builds; one that does not change
// stays, because nobody starts a slot without a manifest.
//
// A FAT that was not laid out for slots (zones.ts), or on which another system put a file, may have FAT sectors that the
// slot shares with something else. Then these are rewritten in spite of that, saying the same about the others: the
// alternative is a device that can never be updated again, the cut that does harm would have to tear a sector, and
// afterwards the slot's files lie apart.

import { type ByteDevice, type ByteSource, sourceOfBytes } from '../../formats/byte-source.ts';
import { emptyFatZone, type FatEditor, openFatEditor } from '../../formats/fat/editor.ts';
import { FatSpaceError } from '../../formats/fat/layout.ts';
import { directoriesAbove, foldName } from '../../formats/fat/names.ts';
import { type FatVolume, openFat } from '../../formats/fat/volume.ts';
import { FatSharedError } from '../../formats/fat/zone-clusters.ts';
import { type Manifest, MANIFEST_NAME, MAX_MANIFEST_BYTES } from '../../shared/manifest/manifest.ts';
import { parseManifest } from '../../shared/manifest/parse-manifest.ts';
import type { Slot } from '../../shared/board/slots.ts';
import { KERNEL_FILE, type OwnFile } from '../../shared/boot-loader/boot-loader-layout.ts';
import { sha256OfSource } from './content-hash.ts';

type SizedFile = Pick<OwnFile, 'path' | 'sizeBytes'>;

export interface FileDigest {
  /** Relative to the slot's directory. */
  path: string;
  sizeBytes: number;
  sha256: string;
}

export interface SlotFile extends FileDigest {
  content: ByteSource;
}

/** Those of `paths` that are in the slot and can be read. */
export async function openSlotFiles(
  boot: ByteSource,
  slot: Slot,
  paths: readonly string[],
): Promise<Map<string, ByteSource>> {
  const files = new Map<string, ByteSource>();
  try {
    const volume = await openFat(boot);
    for (const path of paths) {
      const onVolume = `${slot}/${path}`;
      if ((await volume.stat(onVolume))?.kind === 'file') files.set(path, await volume.openFile(onVolume));
    }
  } catch (error) {
    // Damaged: what was found before is as good as its hash.
    if (!(error instanceof SyntaxError)) throw error;
  }
  return files;
}

/** undefined when there is none that could be read, or a larger one. */
export async function readSlotFile(
  boot: ByteSource,
  slot: Slot,
  path: string,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const file = (await openSlotFiles(boot, slot, [path])).get(path);
  return file && file.sizeBytes <= maxBytes ? file.read(0, file.sizeBytes) : undefined;
}

/** undefined when there is none that could be read. */
export async function readSlotManifest(boot: ByteSource, slot: Slot): Promise<Manifest | undefined> {
  const bytes = await readSlotFile(boot, slot, MANIFEST_NAME, MAX_MANIFEST_BYTES);
  return bytes && parseStoredManifest(bytes);
}

/** undefined: it is damaged. */
export function parseStoredManifest(bytes: Uint8Array): Manifest | undefined {
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export class SlotDirectory {
  readonly #boot: ByteDevice;
  readonly #slot: Slot;
  /** What the boot loader has in here for itself, without the manifest knowing; paths are within the directory. */
  readonly #own: readonly SizedFile[];
  readonly #timestampSec: number;

  /** `own`: files that are made for this slot on the device, wherever they lie; paths are on the boot partition. */
  constructor(boot: ByteDevice, slot: Slot, own: readonly SizedFile[], timestampSec: number) {
    this.#boot = boot;
    this.#slot = slot;
    this.#own = own.flatMap(({ path, sizeBytes }) => {
      const inside = withinSlot(slot, path);
      return inside === undefined ? [] : [{ path: inside, sizeBytes }];
    });
    this.#timestampSec = timestampSec;
  }

  /** Folded paths of those that are there, with this content. */
  async present(wanted: readonly FileDigest[]): Promise<Set<string>> {
    const paths = wanted.map(({ path }) => path);
    const files = await openSlotFiles(this.#boot, this.#slot, paths);
    const present = new Set<string>();
    for (const { path, sizeBytes, sha256 } of wanted) {
      const file = files.get(path);
      if (file?.sizeBytes !== sizeBytes) continue;
      if ((await sha256OfSource(file)) === sha256) present.add(foldName(path));
    }
    return present;
  }

  /** Whether it can be changed file by file. Otherwise `unmark` empties it. Throws SyntaxError when the volume is damaged. */
  async isSound(): Promise<boolean> {
    try {
      await openFatEditor(this.#boot, this.#options('refuse'));
      return true;
    } catch (error) {
      if (error instanceof SyntaxError) return false;
      throw error;
    }
  }

  /** Throws FatSpaceError when files of these sizes will not fit, `kept` being there already. */
  async checkRoom(sizes: readonly number[], kept: ReadonlySet<string>): Promise<void> {
    const volume = await openFat(this.#boot);
    const { clusterBytes } = volume.geometry;
    const onDisk = (sizeBytes: number): number => Math.ceil(sizeBytes / clusterBytes) * clusterBytes;
    const present = await listFiles(volume, this.#slot);
    const stays = kept.union(this.#ownPaths());
    const leaving = present.filter(({ path }) => !stays.has(foldName(path)));
    const there = new Set(present.map(({ path }) => foldName(path)));
    const missing = this.#own.filter(({ path }) => !there.has(foldName(path)));
    const editor = await openFatEditor(this.#boot, this.#options('proceed'));
    const all = [...sizes, ...missing.map(({ sizeBytes }) => sizeBytes)];
    const needed = all.reduce((sum, sizeBytes) => sum + onDisk(sizeBytes), 0);
    const room = leaving.reduce((sum, { sizeBytes }) => sum + onDisk(sizeBytes), editor.availableBytes);
    if (needed <= room) return;
    throw new FatSpaceError(
      `Cannot update: the boot files need ${needed} bytes, and the boot partition has room for ${room}`,
      needed - room,
    );
  }

  /** The slot does not count as whole any more. */
  async unmark(): Promise<void> {
    if (!(await this.isSound())) {
      await this.#proceedIfShared((whenShared) => emptyFatZone(this.#boot, this.#options(whenShared)));
      return;
    }
    const volume = await openFat(this.#boot);
    if (!(await volume.stat(this.#pathOf(MANIFEST_NAME)))) return;
    await this.#edit((editor) => editor.remove(this.#pathOf(MANIFEST_NAME), { recursive: true }));
  }

  /**
   * Makes the directory contain `files` and no others but the manifest and what is the boot loader's own. What is in `kept`,
   * by folded path, is fine.
   */
  async write(files: readonly SlotFile[], kept: Set<string>): Promise<void> {
    const differing = files.filter(({ path }) => !kept.has(foldName(path)));
    await this.#edit(async (editor) => {
      const surplus = await this.#surplus(files, kept);
      const { kernel: old = [], others: surplusOthers = [] } = kernelApart(surplus);
      const { directories = [], ...surplusFiles } = Object.groupBy(surplusOthers, ({ kind }) =>
        kind === 'directory' ? 'directories' : 'files',
      );
      for (const { path } of [...old, ...directories]) {
        await editor.remove(this.#pathOf(path), { recursive: true });
      }
      await editor.removeFiles((surplusFiles.files ?? []).map(({ path }) => this.#pathOf(path)));
      // The files may have been written before what follows had to be tried again.
      const { kernel = [], others = [] } = kernelApart(
        differing.filter(({ path }) => !kept.has(foldName(path))),
      );
      for (const batch of [others, kernel]) {
        for (const directory of new Set(batch.map(({ path }) => directoryOf(this.#pathOf(path)))))
          await editor.makeDirectory(directory);
        await editor.replaceFiles(batch.map(({ path, content }) => ({ path: this.#pathOf(path), content })));
        for (const { path } of batch) kept.add(foldName(path));
      }
    });
  }

  /** For a slot that was emptied: unless it is there already, or lies outside, and was laid out with the disk. */
  async makeOwn({ path, bytes }: { path: string; bytes: Uint8Array }): Promise<void> {
    if (withinSlot(this.#slot, path) === undefined) return;
    const stat = await (await openFat(this.#boot)).stat(path);
    if (stat?.kind === 'file' && stat.sizeBytes >= bytes.length) return;
    await this.#edit(async (editor) => {
      if (stat?.kind === 'directory') await editor.remove(path, { recursive: true });
      await editor.makeDirectory(path.split('/').slice(0, -1).join('/'));
      await editor.replaceFile(path, sourceOfBytes(bytes));
    });
  }

  /** Makes a small file of a slot that is whole another one; a cut leaves either. */
  async replace(path: string, bytes: Uint8Array): Promise<void> {
    await this.#edit((editor) => editor.replaceFile(this.#pathOf(path), sourceOfBytes(bytes)));
  }

  /** The slot counts as whole from now on. */
  async mark(manifest: SlotFile): Promise<void> {
    await this.#edit((editor) => editor.replaceFile(this.#pathOf(MANIFEST_NAME), manifest.content));
  }

  /** Throws when the medium does not have exactly these files. */
  async check(wanted: readonly FileDigest[], onPiece: (lengthBytes: number) => void): Promise<void> {
    // Reads the whole tree, and throws if it is damaged.
    await openFatEditor(this.#boot, this.#options('refuse'));
    const paths = wanted.map(({ path }) => path);
    const files = await openSlotFiles(this.#boot, this.#slot, paths);
    for (const { path, sizeBytes, sha256 } of wanted) {
      const file = files.get(path);
      if (file?.sizeBytes === sizeBytes && (await sha256OfSource(file, { onPiece })) === sha256) continue;
      throw new Error(`The boot partition has not kept "${this.#pathOf(path)}" as it was written`);
    }
  }

  /** What to remove: what differs, and all that should not be there. */
  async #surplus(
    files: readonly SlotFile[],
    kept: ReadonlySet<string>,
  ): Promise<{ path: string; kind: 'file' | 'directory' }[]> {
    const volume = await openFat(this.#boot);
    const own = this.#ownPaths();
    const stays = new Set([...kept, ...own, foldName(MANIFEST_NAME)]);
    const wanted = [...files.map(({ path }) => foldName(path)), ...own];
    const directories = new Set(wanted.flatMap(directoriesAbove));
    const surplus: { path: string; kind: 'file' | 'directory' }[] = [];
    const visit = async (directory: string): Promise<void> => {
      for (const { name, kind } of await listIfThere(volume, joinPath(this.#slot, directory))) {
        const path = joinPath(directory, name);
        if (kind === 'directory' && directories.has(foldName(path))) await visit(path);
        else if (kind === 'directory' || !stays.has(foldName(path))) surplus.push({ path, kind });
      }
    };
    await visit('');
    return surplus;
  }

  /** Folded. */
  #ownPaths(): Set<string> {
    return new Set(this.#own.map(({ path }) => foldName(path)));
  }

  /** `act` may run twice. */
  async #edit(act: (editor: FatEditor) => Promise<void>): Promise<void> {
    await this.#proceedIfShared(async (whenShared) => {
      const editor = await openFatEditor(this.#boot, this.#options(whenShared));
      await act(editor);
      await editor.flush();
    });
  }

  async #proceedIfShared(change: (whenShared: 'refuse' | 'proceed') => Promise<unknown>): Promise<void> {
    try {
      await change('refuse');
    } catch (error) {
      if (!(error instanceof FatSharedError)) throw error;
      await change('proceed');
    }
  }

  #options(whenShared: 'refuse' | 'proceed') {
    return { zone: this.#slot, timestampSec: this.#timestampSec, whenShared };
  }

  #pathOf(path: string): string {
    return `${this.#slot}/${path}`;
  }
}

/** The path in the slot's directory of something on the boot partition; undefined: it lies elsewhere. */
function withinSlot(slot: Slot, path: string): string | undefined {
  const [first, ...inside] = path.split('/');
  return first === slot && inside.length > 0 ? inside.join('/') : undefined;
}

/** Nobody starts a slot without its kernel: it goes before all others, and comes after them. */
function kernelApart<T extends { path: string }>(files: readonly T[]): { kernel?: T[]; others?: T[] } {
  return Object.groupBy(files, ({ path }) =>
    foldName(path) === foldName(KERNEL_FILE) ? 'kernel' : 'others',
  );
}

function directoryOf(path: string): string {
  return path.split('/').slice(0, -1).join('/');
}

/** Either may be '', the top. */
function joinPath(directory: string, path: string): string {
  return directory === '' || path === '' ? directory + path : `${directory}/${path}`;
}

async function listIfThere(volume: FatVolume, path: string): ReturnType<FatVolume['list']> {
  const stat = await volume.stat(path);
  return stat?.kind === 'directory' ? volume.list(path) : [];
}

async function listFiles(volume: FatVolume, slot: Slot): Promise<{ path: string; sizeBytes: number }[]> {
  const files: { path: string; sizeBytes: number }[] = [];
  const visit = async (directory: string): Promise<void> => {
    for (const { name, kind, sizeBytes } of await listIfThere(volume, joinPath(slot, directory))) {
      const path = joinPath(directory, name);
      if (kind === 'directory') await visit(path);
      else files.push({ path, sizeBytes });
    }
  };
  await visit('');
  return files;
}
