// A file or block device as a ByteDevice.

import { open, type FileHandle } from 'node:fs/promises';
import type { ByteDevice, ByteSource } from '../../formats/byte-source.ts';

export class FileDevice implements ByteDevice {
  readonly #handle: FileHandle;
  readonly sizeBytes: number;

  private constructor(handle: FileHandle, sizeBytes: number) {
    this.#handle = handle;
    this.sizeBytes = sizeBytes;
  }

  /** A new, sparse file of `sizeBytes` bytes; an error if `path` exists. */
  static async create(path: string, sizeBytes: number, mode = 0o644): Promise<FileDevice> {
    const handle = await open(path, 'wx+', mode);
    try {
      await handle.truncate(sizeBytes);
    } catch (cause) {
      await handle.close();
      throw cause;
    }
    return new FileDevice(handle, sizeBytes);
  }

  /** `sizeBytes` is for block devices, whose stat() says 0. */
  static async open(path: string, flags: string | number, sizeBytes?: number): Promise<FileDevice> {
    const handle = await open(path, flags);
    return new FileDevice(handle, sizeBytes ?? (await handle.stat()).size);
  }

  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(lengthBytes);
    await this.readInto(offsetBytes, bytes);
    return bytes;
  }

  async readInto(offsetBytes: number, target: Uint8Array): Promise<void> {
    const { length } = target;
    let done = 0;
    while (done < length) {
      const { bytesRead } = await this.#handle.read(target, done, length - done, offsetBytes + done);
      if (bytesRead === 0) {
        throw new RangeError(`Cannot read ${length} bytes at ${offsetBytes}: only ${done} are there`);
      }
      done += bytesRead;
    }
  }

  async write(offsetBytes: number, bytes: Uint8Array): Promise<void> {
    let done = 0;
    while (done < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, done, bytes.length - done, offsetBytes + done);
      done += bytesWritten;
    }
  }

  /** Returns when all that was written has reached the medium. */
  async flush(): Promise<void> {
    await this.#handle.sync();
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

/** A source over a file that is opened for each read: a root tree has thousands of files, and only few can be open at once. */
export function sourceOfFile(path: string, sizeBytes: number): ByteSource {
  async function readInto(offsetBytes: number, target: Uint8Array): Promise<void> {
    const device = await FileDevice.open(path, 'r');
    try {
      await device.readInto(offsetBytes, target);
    } finally {
      await device.close();
    }
  }
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      await readInto(offsetBytes, bytes);
      return bytes;
    },
    readInto,
  };
}
