// What an image's bytes are spent on: the files of the boot partition, and the root image by part, as packed.

import type { ByteSource } from '../src/formats/byte-source.ts';
import { openFat } from '../src/formats/fat/volume.ts';
import { openSquashfs, type SquashfsReader } from '../src/formats/squashfs/reader.ts';
import { BLOCK_SIZE_MASK } from '../src/formats/squashfs/superblock.ts';
import { FileDevice } from '../src/host/files/file-device.ts';
import type { Figures } from './figures.ts';

/** By the first pattern that fits. Small files share blocks, which count as "other" with the image's tables. */
const ROOT_PARTS: readonly (readonly [figure: string, path: RegExp])[] = [
  ['rootNodeBytes', /^\/bin\/node$/],
  ['rootKernelModulesBytes', /^\/lib\/modules\//],
  ['rootLibrariesBytes', /^\/(?:usr\/)?lib(?:64)?\//],
  ['rootSystemBytes', /^\/tsk\//],
  ['rootAppsBytes', /^\/(?:app|user)\//],
];

export async function measureImage(bootPath: string, rootPath: string): Promise<Figures> {
  const boot = await FileDevice.open(bootPath, 'r');
  const root = await FileDevice.open(rootPath, 'r');
  try {
    return { ...(await measureRoot(root, root.sizeBytes)), ...(await sizesOfBoot(boot)) };
  } finally {
    await boot.close();
    await root.close();
  }
}

/** `root` may be the partition, which is larger than its image. */
export async function measureRoot(root: ByteSource, imageBytes: number): Promise<Figures> {
  return { rootImageBytes: imageBytes, ...(await sizesOfRoot(await openSquashfs(root), imageBytes)) };
}

async function sizesOfRoot(image: SquashfsReader, imageBytes: number): Promise<Figures> {
  const sizes = Object.fromEntries(ROOT_PARTS.map(([figure]) => [figure, 0]));
  /** What is there twice is stored once. */
  const counted = new Set<number>();
  let rest = imageBytes;
  for await (const entry of image.entries()) {
    const figure = ROOT_PARTS.find(([, path]) => path.test(entry.path))?.[0];
    if (entry.kind !== 'file' || figure === undefined) continue;
    const { startBytes, blockWords } = await image.readLayout(entry);
    if (blockWords.length === 0 || counted.has(startBytes)) continue;
    counted.add(startBytes);
    const packed = blockWords.reduce((sum, word) => sum + (word & BLOCK_SIZE_MASK), 0);
    sizes[figure] = (sizes[figure] ?? 0) + packed;
    rest -= packed;
  }
  return { ...sizes, rootOtherBytes: rest };
}

async function sizesOfBoot(device: FileDevice): Promise<Figures> {
  const volume = await openFat(device);
  const sizeOf = async (path: string): Promise<number> => (await volume.stat(path))?.sizeBytes ?? 0;
  const [loader] = await volume.list('EFI/BOOT');
  return {
    bootKernelBytes: await sizeOf('a/vmlinuz'),
    bootManifestBytes: (await sizeOf('a/manifest.json')) + (await sizeOf('a/manifest.sig.json')),
    bootLoaderBytes: loader?.sizeBytes ?? 0,
  };
}
