// Overwrites a file where it lies, as a boot loader's settings are: nothing but its own sectors changes, so that it needs
// neither free clusters nor a zone (zones.ts).

import type { ByteDevice } from '../byte-source.ts';
import { openFat } from './volume.ts';

/**
 * Overwrites a file with bytes of the same length, zone or not: writes exactly the sectors that differ, and no
 * directory. Returns how many they were. With `atomic` it refuses a change of more than one sector, which a
 * power cut could leave half done.
 */
export async function writeFatFileInPlace(
  device: ByteDevice,
  path: string,
  bytes: Uint8Array,
  options: { atomic?: boolean } = {},
): Promise<number> {
  const volume = await openFat(device);
  const { sectorBytes } = volume.geometry;
  const extents = await volume.extents(path);
  const sizeBytes = extents.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  if (sizeBytes !== bytes.length) {
    throw new RangeError(
      `Cannot overwrite "${path}" on the FAT volume: it has ${sizeBytes} bytes, not ${bytes.length}`,
    );
  }
  const changed: { offsetBytes: number; sector: Uint8Array }[] = [];
  let position = 0;
  for (const { offsetBytes, lengthBytes } of extents) {
    for (let done = 0; done < lengthBytes; done += sectorBytes) {
      const before = await device.read(offsetBytes + done, sectorBytes);
      const length = Math.min(sectorBytes, lengthBytes - done);
      const sector = before.slice();
      sector.set(bytes.subarray(position, position + length));
      if (Buffer.compare(sector, before) !== 0) changed.push({ offsetBytes: offsetBytes + done, sector });
      position += length;
    }
  }
  if (options.atomic === true && changed.length > 1) {
    throw new RangeError(
      `Cannot overwrite "${path}" on the FAT volume in one step: ${changed.length} sectors differ`,
    );
  }
  for (const { offsetBytes, sector } of changed) await device.write(offsetBytes, sector);
  await device.flush?.();
  return changed.length;
}
