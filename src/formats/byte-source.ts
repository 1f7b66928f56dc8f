// Random-access bytes, so that the formats can be written and read without knowing where the bytes live.

export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `lengthBytes` bytes from `offsetBytes`; rejects with a RangeError when they are not all there. */
  read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array>;
  /** Fills `target` likewise. For whoever reads so much that new memory for each piece would pile up. */
  readInto?(offsetBytes: number, target: Uint8Array): Promise<void>;
}

export interface ByteSink {
  write(offsetBytes: number, bytes: Uint8Array): Promise<void>;
}

/** A disk, a partition or an image file. */
export interface ByteDevice extends ByteSource, ByteSink {
  /** Returns when all earlier writes would survive a power cut. Without it, writes are durable in order. */
  flush?(): Promise<void>;
}

export async function readInto(source: ByteSource, offsetBytes: number, target: Uint8Array): Promise<void> {
  if (source.readInto) await source.readInto(offsetBytes, target);
  else target.set(await source.read(offsetBytes, target.length));
}

export function sourceOfBytes(bytes: Uint8Array): ByteSource {
  return {
    sizeBytes: bytes.length,
    async read(offsetBytes, lengthBytes) {
      if (offsetBytes < 0 || lengthBytes < 0 || offsetBytes + lengthBytes > bytes.length) {
        throw new RangeError(`Cannot read ${lengthBytes} bytes at ${offsetBytes}: there are ${bytes.length}`);
      }
      return bytes.subarray(offsetBytes, offsetBytes + lengthBytes);
    },
  };
}

/** A device in memory, for tests and for small images. Its buffer is `bytes` itself. */
export function deviceOfBytes(bytes: Uint8Array): ByteDevice {
  return {
    ...sourceOfBytes(bytes),
    async write(offsetBytes, data) {
      if (offsetBytes < 0 || offsetBytes + data.length > bytes.length) {
        throw new RangeError(
          `Cannot write ${data.length} bytes at ${offsetBytes}: the device has ${bytes.length}`,
        );
      }
      bytes.set(data, offsetBytes);
    },
  };
}

/** The part of `device` from `offsetBytes` on, as a device of its own. */
export function sliceDevice(device: ByteDevice, offsetBytes: number, sizeBytes: number): ByteDevice {
  function check(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > sizeBytes) {
      throw new RangeError(`Cannot access ${length} bytes at ${offset}: there are ${sizeBytes}`);
    }
  }
  return {
    sizeBytes,
    async read(offset, length) {
      check(offset, length);
      return device.read(offsetBytes + offset, length);
    },
    async write(offset, bytes) {
      check(offset, bytes.length);
      await device.write(offsetBytes + offset, bytes);
    },
    ...(device.flush && { flush: async () => device.flush?.() }),
  };
}
