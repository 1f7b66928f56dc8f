// A boot partition in memory, as a disk of ours has it but for the boot loader.

import { sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { writeFat } from '../../../src/formats/fat/writer.ts';
import { formatCmdline } from '../../../src/shared/board/cmdline.ts';
import { type BootLoaderLayout, newCommitText } from '../../../src/shared/boot-loader/boot-loader-layout.ts';
import { FIRST_SLOT, type Slot, SLOTS } from '../../../src/shared/board/slots.ts';
import { PC_LAYOUT } from '../boot-loader/pc-layout.ts';
import { SparseDevice } from './sparse-device.ts';

/** The smallest with four granules of FAT16. */
const SIZE_BYTES = 6 * 1024 * 1024;

export interface BootVolumeOptions {
  /** Default: that of a PC. */
  layout?: BootLoaderLayout;
  kernelArgs?: readonly string[];
  /** More files, or others. */
  files?: Readonly<Record<string, string | Uint8Array>>;
}

/** Its log is empty. */
export async function bootVolume(options: BootVolumeOptions = {}): Promise<SparseDevice> {
  const device = new SparseDevice(SIZE_BYTES);
  const { layout = PC_LAYOUT, kernelArgs = ['ro'] } = options;
  const files = { ...loaderFilesOf(layout, () => kernelArgs), 'a/vmlinuz': 'kernel of a', ...options.files };
  await writeFat(device, {
    sizeBytes: SIZE_BYTES,
    hiddenSectors: 8192,
    label: 'TSKBOOT',
    volumeId: 1,
    timestampSec: 1_700_000_000,
    zones: SLOTS,
    files: Object.entries(files).map(([path, text]) => ({
      path,
      content: sourceOfBytes(typeof text === 'string' ? new TextEncoder().encode(text) : text),
    })),
  });
  device.log.length = 0;
  return device;
}

/** Of its root partition, as the command lines here name it. */
export function rootGuidOf(slot: Slot): string {
  return `guid-of-${slot}`;
}

/** All that the boot loader reads besides kernels, by path. */
export function loaderFilesOf(
  layout: BootLoaderLayout,
  kernelArgsOf: (slot: Slot) => readonly string[],
): Record<string, string> {
  const own = SLOTS.map((slot) => {
    const { path, text } = ownFileOf(layout, slot, kernelArgsOf(slot));
    return [path, text];
  });
  return {
    [layout.commit.path]: newCommitText(layout, FIRST_SLOT, { bootloaderLines: [] }),
    ...(Object.fromEntries(own) as Record<string, string>),
  };
}

export function ownFileOf(
  layout: BootLoaderLayout,
  slot: Slot,
  kernelArgs: readonly string[],
): { path: string; text: string } {
  const own = layout.ownFile(slot);
  const cmdline = formatCmdline({ rootPartitionGuid: rootGuidOf(slot), slot, kernelArgs });
  return { path: own.path, text: own.format(cmdline, own.sizeBytes) };
}
