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
  static async create(path: string, sizeBytes: number): Promise<FileDevice> {
    const handle = await open(path, 'wx+', 0o644);
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
    let done = 0;
    while (done < lengthBytes) {
      const { bytesRead } = await this.#handle.read(bytes, done, lengthBytes - done, offsetBytes + done);
      if (bytesRead === 0) {
        throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}: only ${done} are there`);
      }
      done += bytesRead;
    }
    return bytes;
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

/**
 * A source over a file that is opened at the first read and closed after the last byte was read or by
 * `close`: a root tree has thousands of files, and only few can be open at once.
 */
export function sourceOfFile(path: string, sizeBytes: number): ByteSource {
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const device = await FileDevice.open(path, 'r');
      try {
        return await device.read(offsetBytes, lengthBytes);
      } finally {
        await device.close();
      }
    },
  };
}
