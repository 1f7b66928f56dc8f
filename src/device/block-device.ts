// A block device (in tests, a file) as bytes. Storage may be slow or dying: only opening it blocks the program.

import { closeSync, constants, fsync, openSync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import type { ByteDevice } from '../formats/byte-source.ts';

export interface BlockDevice extends ByteDevice, Disposable {
  /** Returns when all that was written is on the medium. */
  flush(): Promise<void>;
}

const readAt = promisify(read);
const writeAt = promisify(write);
const syncFile = promisify(fsync);

const OPEN_FLAGS = {
  r: constants.O_RDONLY,
  'r+': constants.O_RDWR,
  /** Throws EBUSY while it is mounted, and nobody can mount it meanwhile (open(2), O_EXCL on a block device). */
  'r+ alone': constants.O_RDWR | constants.O_EXCL,
};
export type BlockDeviceMode = keyof typeof OPEN_FLAGS;

export function openBlockDevice(path: string, sizeBytes: number, mode: BlockDeviceMode): BlockDevice {
  const fd = openSync(path, OPEN_FLAGS[mode]);
  async function readInto(offsetBytes: number, target: Uint8Array): Promise<void> {
    const { bytesRead } = await readAt(fd, target, 0, target.length, offsetBytes);
    if (bytesRead === target.length) return;
    throw new RangeError(
      `Cannot read ${target.length} bytes at ${offsetBytes} of "${path}": got ${bytesRead}`,
    );
  }
  return {
    sizeBytes,
    readInto,
    async read(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      await readInto(offsetBytes, bytes);
      return bytes;
    },
    async write(offsetBytes, bytes) {
      const { bytesWritten } = await writeAt(fd, bytes, 0, bytes.length, offsetBytes);
      if (bytesWritten === bytes.length) return;
      throw new RangeError(
        `Cannot write ${bytes.length} bytes at ${offsetBytes} of "${path}": wrote ${bytesWritten}`,
      );
    },
    flush: () => syncFile(fd),
    [Symbol.dispose]: () => closeSync(fd),
  };
}
