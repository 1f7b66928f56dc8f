// "64-bit kernels may be uncompressed image files or a gzip archive of an image" (raspberrypi/documentation, config_txt,
// boot.adoc). What such an image begins with: Linux, Documentation/arch/arm64/booting.rst.

import { constants, gunzipSync } from 'node:zlib';
import { FirmwareStop } from './firmware-stop.ts';

/** As much of the file as `identifyKernel` wants to see. */
export const KERNEL_HEAD_BYTES = 64 * 1024;
const ARM64_MAGIC = 0x644d5241;
const MAGIC_AT = 0x38;

/** Throws when the firmware would start nothing from a file that begins so. */
export function identifyKernel(path: string, head: Buffer): void {
  const isPacked = isGzip(head);
  const image = isPacked ? unpack(path, head, constants.Z_SYNC_FLUSH) : head;
  if (image.length < MAGIC_AT + 4 || image.readUInt32LE(MAGIC_AT) !== ARM64_MAGIC)
    throw new FirmwareStop(`"${path}" is no kernel for arm64`, 'it hangs, and a power cycle ends that');
}

/** The image itself. */
export function unpackKernel(path: string, file: Buffer): Buffer {
  identifyKernel(path, file.subarray(0, KERNEL_HEAD_BYTES));
  return isGzip(file) ? unpack(path, file, constants.Z_FINISH) : file;
}

function isGzip(bytes: Buffer): boolean {
  return bytes.length > 2 && bytes.readUInt16BE(0) === 0x1f8b;
}

function unpack(path: string, bytes: Buffer, finishFlush: number): Buffer {
  try {
    return gunzipSync(bytes, { finishFlush });
  } catch (cause) {
    throw new FirmwareStop(
      `"${path}": GZIPed kernel too large or corrupted`,
      `zlib says: ${(cause as Error).message}`,
    );
  }
}
