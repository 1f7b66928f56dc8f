// Unpacks a toolbox into a directory that is empty and nobody else's. What the tar says is bounded and checked: no path leads
// out of the directory, through a link or onto a mount point of the device, and nothing becomes a device or runs as another
// user. Nothing here counts before the hash of the whole is known to be right: that is the caller's to see.

import { chmod, mkdir, open, symlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readTar, TarError, type TarEntry, type TarLimits } from '../../formats/ustar.ts';
import { MOUNT_POINTS } from '../../shared/services/mount-points.ts';

const PERMISSIONS = 0o777;

/** It does not fit. */
export class NoRoomError extends Error {}

/** Throws TarError for what must not be unpacked, NoRoomError, and the errors of `pieces`. */
export async function unpackToolbox(
  pieces: AsyncIterable<Uint8Array>,
  directory: string,
  limits: TarLimits,
): Promise<void> {
  const unpacker = new Unpacker(directory);
  try {
    for await (const event of readTar(pieces, limits))
      if (event.type === 'entry') await unpacker.begin(event.entry);
      else await unpacker.write(event.bytes);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new NoRoomError('there is no room for the toolbox in the memory of the device', { cause: error });
    throw error;
  } finally {
    await unpacker.end();
  }
}

class Unpacker {
  readonly #directory: string;
  /** What was made here, by path: parents of others have to be directories. */
  readonly #made = new Map<string, TarEntry['kind']>();
  #file: FileHandle | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  async begin(entry: TarEntry): Promise<void> {
    await this.end();
    const { path, kind, mode, target } = entry;
    const [first = ''] = path.split('/');
    if ((MOUNT_POINTS as readonly string[]).includes(`/${first}`))
      throw new TarError(`"${path}" of the tar would lie in a directory of the device's`);
    await this.#makeParents(path);
    const known = this.#made.get(path);
    if (kind === 'directory' && known === 'directory') return;
    if (known !== undefined) throw new TarError(`"${path}" is in the tar twice`);
    this.#made.set(path, kind);
    const place = join(this.#directory, path);
    if (kind === 'directory') return makeDirectory(place, mode & PERMISSIONS);
    if (kind === 'symlink') return symlink(target, place);
    this.#file = await open(place, 'wx', mode & PERMISSIONS);
    await this.#file.chmod(mode & PERMISSIONS);
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;)
      at += (await this.#file?.write(bytes, at))?.bytesWritten ?? bytes.length;
  }

  async end(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #makeParents(path: string): Promise<void> {
    const parts = path.split('/');
    for (let length = 1; length < parts.length; length++) {
      const parent = parts.slice(0, length).join('/');
      const kind = this.#made.get(parent);
      if (kind === 'directory') continue;
      if (kind !== undefined)
        throw new TarError(`"${path}" of the tar would lie in "${parent}", which is a ${kind}`);
      await makeDirectory(join(this.#directory, parent), 0o755);
      this.#made.set(parent, 'directory');
    }
  }
}

/** Whatever the umask is. */
async function makeDirectory(path: string, mode: number): Promise<void> {
  await mkdir(path);
  await chmod(path, mode);
}
