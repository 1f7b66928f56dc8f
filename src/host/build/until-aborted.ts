// Ctrl-C in the middle of work that cannot be told to stop, or that needs none of our cleaning up.

import type { ByteDevice } from '../../formats/byte-source.ts';

/** Settles as `work` does, or rejects with the signal's reason as soon as that is aborted. */
export async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort);
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A device that refuses to be written once the signal is aborted, which ends whoever writes to it. */
export function abortableDevice(device: ByteDevice, signal: AbortSignal | undefined): ByteDevice {
  if (!signal) return device;
  return {
    sizeBytes: device.sizeBytes,
    read: (offsetBytes, lengthBytes) => device.read(offsetBytes, lengthBytes),
    async write(offsetBytes, bytes) {
      signal.throwIfAborted();
      await device.write(offsetBytes, bytes);
    },
  };
}
