// Counts what an update writes: flash wears, and the person who updates is told.

import { type ByteDevice, readInto } from '../../formats/byte-source.ts';

export class WrittenBytes {
  bytes = 0;

  /** The same device; what is written through the result is counted. */
  counting(device: ByteDevice): ByteDevice {
    return {
      sizeBytes: device.sizeBytes,
      read: (offsetBytes, lengthBytes) => device.read(offsetBytes, lengthBytes),
      readInto: (offsetBytes, target) => readInto(device, offsetBytes, target),
      write: async (offsetBytes, bytes) => {
        await device.write(offsetBytes, bytes);
        this.bytes += bytes.length;
      },
      flush: async () => device.flush?.(),
    };
  }
}
