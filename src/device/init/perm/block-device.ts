// A block device (in tests, a file) as bytes.

import { closeSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import type { ByteDevice } from '../../../formats/byte-source.ts';

export interface BlockDevice extends ByteDevice, Disposable {
  flush(): Promise<void>;
}

export function openBlockDevice(path: string, sizeBytes: number, mode: 'r' | 'r+'): BlockDevice {
  const fd = openSync(path, mode);
  return {
    sizeBytes,
    async read(offsetBytes, lengthBytes) {
      const bytes = new Uint8Array(lengthBytes);
      const length = readSync(fd, bytes, 0, lengthBytes, offsetBytes);
      if (length === lengthBytes) return bytes;
      throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes} of "${path}": got ${length}`);
    },
    async write(offsetBytes, bytes) {
      const length = writeSync(fd, bytes, 0, bytes.length, offsetBytes);
      if (length === bytes.length) return;
      throw new RangeError(
        `Cannot write ${bytes.length} bytes at ${offsetBytes} of "${path}": wrote ${length}`,
      );
    },
    async flush() {
      fsyncSync(fd);
    },
    [Symbol.dispose]: () => closeSync(fd),
  };
}
