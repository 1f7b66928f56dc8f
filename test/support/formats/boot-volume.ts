// A boot partition in memory, as a disk of ours has it but for the boot loader.

import { sourceOfBytes } from '../../../src/formats/byte-source.ts';
import { writeFat } from '../../../src/formats/fat/writer.ts';
import { formatCmdline } from '../../../src/shared/board/cmdline.ts';
import {
  formatLoaderConf,
  formatLoaderEntry,
  LOADER_CONF_PATH,
  loaderEntryPath,
} from '../../../src/shared/boot-loader/loader-entry.ts';
import { type Slot, SLOTS } from '../../../src/shared/board/slots.ts';
import { SparseDevice } from './sparse-device.ts';

/** The smallest with four granules of FAT16. */
const SIZE_BYTES = 6 * 1024 * 1024;

export interface BootVolumeOptions {
  kernelArgs?: readonly string[];
  /** More files, or others. */
  files?: Readonly<Record<string, string>>;
}

/** Its log is empty. */
export async function bootVolume(options: BootVolumeOptions = {}): Promise<SparseDevice> {
  const device = new SparseDevice(SIZE_BYTES);
  const files = { ...filesOf(options.kernelArgs ?? ['ro']), ...options.files };
  await writeFat(device, {
    sizeBytes: SIZE_BYTES,
    hiddenSectors: 8192,
    label: 'TSKBOOT',
    volumeId: 1,
    timestampSec: 1_700_000_000,
    zones: SLOTS,
    files: Object.entries(files).map(([path, text]) => ({
      path,
      content: sourceOfBytes(new TextEncoder().encode(text)),
    })),
  });
  device.log.length = 0;
  return device;
}

/** Of its root partition, as the entries here name it. */
export function rootGuidOf(slot: Slot): string {
  return `guid-of-${slot}`;
}

function filesOf(kernelArgs: readonly string[]): Record<string, string> {
  const entries = SLOTS.map((slot) => {
    const cmdline = formatCmdline({ rootPartitionGuid: rootGuidOf(slot), slot, kernelArgs });
    return [loaderEntryPath(slot), formatLoaderEntry(slot, cmdline)];
  });
  return {
    [LOADER_CONF_PATH]: formatLoaderConf('a'),
    ...(Object.fromEntries(entries) as Record<string, string>),
    'a/vmlinuz': 'kernel of a',
  };
}
