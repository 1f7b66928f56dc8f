// Reading a FAT16 or FAT32 volume: directories, files, free space. Names compare without regard to case and
// both kinds are understood, long and short.

import { type ByteSource, readInto } from '../byte-source.ts';
import { decodeBootSector, type FatGeometry } from './boot-sector.ts';
import { type DirectoryEntry, isDirectory } from './directory.ts';
import { splitPath } from './names.ts';
import { FatTable, readFatCopy } from './table.ts';
import {
  clustersOf,
  type Directory,
  type Extent,
  extentsOf,
  FatPathError,
  findEntry,
  type KnownDirectories,
  resolveDirectory,
} from './tree.ts';

interface FatStat {
  name: string;
  kind: 'file' | 'directory';
  /** 0 for a directory. */
  sizeBytes: number;
  modifiedSec: number;
}

export interface FatVolume {
  readonly geometry: FatGeometry;
  readonly freeBytes: number;
  /** `undefined` when there is nothing of that name. '' is the root directory. */
  stat(path: string): Promise<FatStat | undefined>;
  list(path: string): Promise<FatStat[]>;
  readFile(path: string): Promise<Uint8Array>;
  /** Serves files too large to be held in memory. */
  openFile(path: string): Promise<ByteSource>;
  /** Extents of a file's bytes on the volume, in order. */
  extents(path: string): Promise<Extent[]>;
}

/** The boot sector alone says everything about where things lie. */
export async function readGeometry(source: ByteSource): Promise<FatGeometry> {
  return decodeBootSector(await source.read(0, Math.min(512, source.sizeBytes)), source.sizeBytes);
}

function statOf(entry: DirectoryEntry): FatStat {
  const directory = isDirectory(entry);
  return {
    name: entry.name,
    kind: directory ? 'directory' : 'file',
    sizeBytes: directory ? 0 : entry.sizeBytes,
    modifiedSec: entry.modifiedSec,
  };
}

function sourceOfExtents(source: ByteSource, extents: readonly Extent[], sizeBytes: number): ByteSource {
  function check(offsetBytes: number, lengthBytes: number): void {
    if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > sizeBytes) {
      throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}: there are ${sizeBytes}`);
    }
  }
  async function fill(offsetBytes: number, target: Uint8Array): Promise<void> {
    check(offsetBytes, target.length);
    let extentStart = 0;
    for (const extent of extents) {
      const from = Math.max(offsetBytes, extentStart);
      const to = Math.min(offsetBytes + target.length, extentStart + extent.lengthBytes);
      if (from < to) {
        const part = target.subarray(from - offsetBytes, to - offsetBytes);
        await readInto(source, extent.offsetBytes + from - extentStart, part);
      }
      extentStart += extent.lengthBytes;
    }
  }
  return {
    sizeBytes,
    readInto: fill,
    async read(offsetBytes, lengthBytes) {
      check(offsetBytes, lengthBytes);
      const bytes = new Uint8Array(lengthBytes);
      await fill(offsetBytes, bytes);
      return bytes;
    },
  };
}

/**
 * Reads the boot sector and the FAT now, a directory when something in it is asked for the first time, files when
 * asked. What others write to the volume afterwards is not seen: open it again. Throws SyntaxError for what is no FAT16
 * or FAT32 volume.
 */
export async function openFat(source: ByteSource): Promise<FatVolume> {
  const geometry = await readGeometry(source);
  const table = new FatTable(geometry, await readFatCopy(source, geometry));
  const known: KnownDirectories = new Map();

  async function find(path: string): Promise<{ parent: Directory; entry: DirectoryEntry | undefined }> {
    const components = splitPath(path);
    const parent = await resolveDirectory(source, table, components.slice(0, -1), 'open', known);
    return { parent, entry: findEntry(parent, components.at(-1) ?? '') };
  }

  async function fileAt(path: string): Promise<{ entry: DirectoryEntry; extents: Extent[] }> {
    const { entry } = await find(path);
    if (!entry) throw new FatPathError('ENOENT', 'open', path, 'it does not exist');
    if (isDirectory(entry)) throw new FatPathError('EISDIR', 'open', path, 'it is a directory');
    return { entry, extents: extentsOf(geometry, clustersOf(table, entry, path), entry.sizeBytes) };
  }

  async function openFile(path: string): Promise<ByteSource> {
    const { entry, extents } = await fileAt(path);
    return sourceOfExtents(source, extents, entry.sizeBytes);
  }

  return {
    geometry,
    get freeBytes() {
      return table.countFree() * geometry.clusterBytes;
    },
    async stat(path) {
      if (splitPath(path).length === 0) {
        return { name: '', kind: 'directory', sizeBytes: 0, modifiedSec: 0 };
      }
      try {
        const { entry } = await find(path);
        return entry && statOf(entry);
      } catch (error) {
        // A missing parent directory is just another way of not existing.
        if (error instanceof FatPathError) return undefined;
        throw error;
      }
    },
    async list(path) {
      const directory = await resolveDirectory(source, table, splitPath(path), 'list', known);
      return directory.entries.map(statOf);
    },
    openFile,
    async readFile(path) {
      const file = await openFile(path);
      return file.read(0, file.sizeBytes);
    },
    async extents(path) {
      return (await fileAt(path)).extents;
    },
  };
}
