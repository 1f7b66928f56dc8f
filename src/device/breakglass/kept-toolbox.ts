// The toolbox of the last session, as it was sent, so that the next one with the same need not be sent anything. One file, in
// /perm, until the device starts anew (init/boot-list.ts). That it is there means nothing: whoever unpacks it sees to its hash.

import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MAX_KEPT_TOOLBOX_BYTES } from '../../shared/breakglass/breakglass-api.ts';

/** Of the room in /perm: apps have more need of it. */
const SHARE_OF_ROOM = 4;
const NEW = 'new';
const NAME = /^[0-9a-f]{64}$/;

export class KeptToolbox {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** undefined: another one is kept, or none. */
  async read(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const names = await readdir(this.#directory).catch((): string[] => []);
    return names.includes(sha256)
      ? (createReadStream(join(this.#directory, sha256)) as AsyncIterable<Uint8Array>)
      : undefined;
  }

  /** What a disk does not let go is found to be spoiled again. */
  async forget(): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true }).catch(() => {});
  }

  /** The one that is kept makes room for it. Without room nothing is kept. */
  async begin(): Promise<ToolboxCopy | undefined> {
    try {
      await this.forget();
      await mkdir(this.#directory, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(this.#directory);
      const maxBytes = Math.min(MAX_KEPT_TOOLBOX_BYTES, Math.floor((bavail * bsize) / SHARE_OF_ROOM));
      return new ToolboxCopy(this.#directory, await open(join(this.#directory, NEW), 'wx', 0o600), maxBytes);
    } catch {
      // The session can do without.
      return undefined;
    }
  }
}

export class ToolboxCopy {
  readonly #directory: string;
  readonly #maxBytes: number;
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(directory: string, file: FileHandle, maxBytes: number) {
    this.#directory = directory;
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#bytes += piece.length;
    if (this.#file === undefined) return;
    try {
      if (this.#bytes > this.#maxBytes) throw new RangeError('It is larger than there is room for');
      for (let at = 0; at < piece.length;) at += (await this.#file.write(piece, at)).bytesWritten;
    } catch {
      await this.discard();
    }
  }

  /** `sha256`: of what was written. */
  async keep(sha256: string): Promise<void> {
    const file = this.#file;
    if (file === undefined || !NAME.test(sha256)) return this.discard();
    this.#file = undefined;
    try {
      await file.close();
      await rename(join(this.#directory, NEW), join(this.#directory, sha256));
    } catch {
      await this.discard();
    }
  }

  async discard(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => {});
    await rm(this.#directory, { recursive: true, force: true }).catch(() => {});
  }
}
