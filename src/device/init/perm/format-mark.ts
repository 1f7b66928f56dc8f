// A mark in the last bytes of a partition while it is being formatted. If the power is cut meanwhile, there is neither
// nothing nor a file system: mke2fs writes the superblock last. By the mark it is known for nobody's data.

import type { BlockDevice } from '../../block-device.ts';

/** The file system does not reach as far. */
export const FORMAT_MARK_BYTES = 4096;
const TEXT = Buffer.from('tskrazy formats this partition: it holds no data yet\n');

export async function isFormatUnfinished(partition: BlockDevice): Promise<boolean> {
  try {
    return TEXT.equals(await partition.read(partition.sizeBytes - FORMAT_MARK_BYTES, TEXT.length));
  } catch {
    return false; // A bad sector there says nothing of the rest.
  }
}

export async function markFormat(partition: BlockDevice): Promise<void> {
  await putMark(partition, TEXT);
}

export async function unmarkFormat(partition: BlockDevice): Promise<void> {
  await putMark(partition, Buffer.alloc(0));
}

async function putMark(partition: BlockDevice, text: Uint8Array): Promise<void> {
  const bytes = Buffer.alloc(FORMAT_MARK_BYTES);
  bytes.set(text);
  await partition.write(partition.sizeBytes - FORMAT_MARK_BYTES, bytes);
  await partition.flush();
}
