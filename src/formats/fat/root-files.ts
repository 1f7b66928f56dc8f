// Replaces files in the root of a FAT volume, all of them at once: new content is written beside the old, and one sector of
// the root directory makes it count. A power cut leaves either all the old files or all the new ones, which matters where
// they belong together. No zone's FAT sectors are written (zones.ts), and none that maps a file beside these; old clusters
// that share one stay in use, for nothing: they were laid out with the disk, and it happens once.

import type { ByteDevice } from '../byte-source.ts';
import { writeContent } from './content.ts';
import { type DirectoryEntry, isDirectory, planContentChange, SLOT_BYTES } from './directory.ts';
import type { FileContent } from './editor.ts';
import { foldName } from './names.ts';
import { FatTable, readFatCopy } from './table.ts';
import { directorySectorOffset, extentsOf, FatPathError, findEntry, readDirectory } from './tree.ts';
import { readGeometry } from './volume.ts';
import { ZoneClusters } from './zone-clusters.ts';
import { surveyZones } from './zones.ts';

/**
 * The files must be there. Throws RangeError, and nothing is written, when their entries are not in one sector; throws
 * FatSpaceError when there is no room beside what others have, and SyntaxError when the volume is damaged.
 */
export async function replaceRootFiles(
  device: ByteDevice,
  files: readonly FileContent[],
  timestampSec: number,
): Promise<void> {
  const geometry = await readGeometry(device);
  const { sectorBytes, clusterBytes } = geometry;
  const table = new FatTable(geometry, await readFatCopy(device, geometry));
  const root = await readDirectory(device, table, undefined, '/');
  const old = files.map(({ path }) => {
    const entry = findEntry(root, path);
    if (!entry || isDirectory(entry))
      throw new FatPathError('ENOENT', 'replace', path, 'the root has no such file');
    return entry;
  });
  const sectors = new Set(old.map(({ shortSlot }) => Math.floor((shortSlot * SLOT_BYTES) / sectorBytes)));
  const [sector] = sectors;
  if (sector === undefined) return;
  if (sectors.size > 1)
    throw new RangeError(
      `Cannot replace ${files.map(({ path }) => `"${path}"`).join(', ')} at once: their names are in ${sectors.size} sectors`,
    );
  const names = new Set(files.map(({ path }) => foldName(path)));
  const isOurs = (entry: DirectoryEntry): boolean => !isDirectory(entry) && names.has(foldName(entry.name));
  const map = await surveyZones(device, table, isOurs, false);
  const clusters = await ZoneClusters.open(device, table, map, false);
  const oldClusters = old
    .filter(({ firstCluster }) => firstCluster !== 0)
    .flatMap(({ firstCluster, name }) => table.chain(firstCluster, `"/${name}"`));

  let { bytes } = root;
  for (const [index, { path, content }] of files.entries()) {
    const found = clusters.find(Math.ceil(content.sizeBytes / clusterBytes), path);
    await writeContent(device, extentsOf(geometry, found), content);
    clusters.claim(found);
    const placed = { firstCluster: found[0] ?? 0, sizeBytes: content.sizeBytes, timestampSec };
    ({ bytes } = planContentChange(bytes, sectorBytes, old[index]!, placed));
  }
  await clusters.write();
  await device.flush?.();
  const start = sector * sectorBytes;
  await device.write(
    directorySectorOffset(geometry, root, sector),
    bytes.subarray(start, start + sectorBytes),
  );
  await device.flush?.();
  await clusters.release(oldClusters.filter((cluster) => map.isApart(cluster)));
  await device.flush?.();
}
