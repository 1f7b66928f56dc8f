// Firmware in the root of the boot partition, which both slots start from: it comes with a build, lies in the slot's directory
// like all of it, and takes the place of the old one when that build is committed and nothing is on trial.

import type { ByteSource } from '../../formats/byte-source.ts';
import { replaceRootFiles } from '../../formats/fat/root-files.ts';
import { openFat } from '../../formats/fat/volume.ts';
import { type BootLoaderLayout, renewedFiles } from '../../shared/boot-loader/boot-loader-layout.ts';
import type { Manifest, ManifestFile } from '../../shared/manifest/manifest.ts';
import { sha256OfSource } from './content-hash.ts';
import { openSlotFiles, readSlotManifest } from './slot-directory.ts';
import type { UpdateDisk } from './update-disk.ts';

interface SharedFile extends Pick<ManifestFile, 'path' | 'sizeBytes' | 'sha256'> {
  inSlot: string;
}

/**
 * Makes them those of the running slot, which has to be the committed one; returns the names of those that differed. Throws
 * when the medium does not have them afterwards: it has the old ones then, or all the new ones.
 */
export async function renewSharedFiles(
  disk: Pick<UpdateDisk, 'boot' | 'layout' | 'source' | 'dropCaches'>,
): Promise<readonly string[]> {
  const manifest = await readSlotManifest(disk.boot, disk.source);
  const wanted = manifest === undefined ? [] : sharedFilesOf(disk.layout, manifest);
  const differing = await differingFrom(disk.boot, wanted);
  if (differing.length === 0) return [];
  const paths = differing.map(({ inSlot }) => inSlot);
  const found = await openSlotFiles(disk.boot, disk.source, paths);
  const contents: { path: string; content: ByteSource }[] = [];
  for (const { path, inSlot, sha256 } of differing) {
    const content = found.get(inSlot);
    // A slot that has rotted since it was installed goes on with the firmware that has started it.
    if (content === undefined || (await sha256OfSource(content)) !== sha256)
      throw new Error(`"${disk.source}/${inSlot}" is not as it was installed`);
    contents.push({ path, content });
  }
  await replaceRootFiles(disk.boot, contents, manifest!.buildTimeSec);
  await disk.dropCaches();
  const [wrong] = await differingFrom(disk.boot, wanted);
  if (wrong) throw new Error(`The boot partition has not kept "${wrong.path}" as it was written`);
  return differing.map(({ path }) => path);
}

/** Names of those that an image will bring, but only after its trial. */
export function sharedChanges(
  layout: BootLoaderLayout,
  running: Manifest | undefined,
  next: Manifest,
): readonly string[] {
  const now = new Map(
    (running ? sharedFilesOf(layout, running) : []).map(({ path, sha256 }) => [path, sha256]),
  );
  return sharedFilesOf(layout, next)
    .filter(({ path, sha256 }) => now.get(path) !== sha256)
    .map(({ path }) => path);
}

function sharedFilesOf(layout: BootLoaderLayout, { bootFiles }: Manifest): SharedFile[] {
  return renewedFiles(layout).flatMap(({ path, inSlot }) => {
    const file = bootFiles.find((each) => each.path === inSlot);
    return file === undefined ? [] : [{ path, inSlot, sizeBytes: file.sizeBytes, sha256: file.sha256 }];
  });
}

async function differingFrom(boot: ByteSource, wanted: readonly SharedFile[]): Promise<SharedFile[]> {
  const volume = await openFat(boot);
  const differing: SharedFile[] = [];
  for (const file of wanted) {
    const { path, sizeBytes, sha256 } = file;
    const stat = await volume.stat(path);
    const isSame =
      stat?.sizeBytes === sizeBytes && (await sha256OfSource(await volume.openFile(path))) === sha256;
    if (!isSame) differing.push(file);
  }
  return differing;
}
