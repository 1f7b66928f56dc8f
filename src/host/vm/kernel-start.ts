// What the firmware of a board does whose virtual machine has none: it reads from the disk which slot starts, and QEMU gets
// that slot's kernel and command line. For a Raspberry Pi, with config.txt, or tryboot.txt after a restart that asked for it.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sliceDevice } from '../../formats/byte-source.ts';
import { openFat } from '../../formats/fat/volume.ts';
import type { Board } from '../../shared/board/boards.ts';
import { BOOT_PARTITION, layOutDisk, SECTOR_BYTES } from '../../shared/board/disk-layout.ts';
import { layoutOf } from '../../shared/boot-loader/layout-of.ts';
import { FileDevice } from '../files/file-device.ts';

export interface KernelStart {
  /** A file on this computer. */
  kernelPath: string;
  cmdline: string;
}

export interface KernelStartOptions {
  board: Board;
  diskPath: string;
  /** Directory for the copy of the kernel. */
  directory: string;
  isTrial: boolean;
}

/** The serial port that QEMU's machine `virt` has in the place of the one on a Raspberry Pi's header. */
const VM_SERIAL_PORT = 'ttyAMA0';

/** Rejects with FatPathError or SyntaxError when the disk starts nothing. */
export async function readKernelStart(options: KernelStartOptions): Promise<KernelStart> {
  const { board, diskPath, directory, isTrial } = options;
  const layout = layoutOf(board.boot);
  const { commit, trialPath } = layout;
  const disk = await FileDevice.open(diskPath, 'r');
  try {
    const { firstSector, sectorCount } = layOutDisk(disk.sizeBytes).partitions[BOOT_PARTITION - 1]!;
    const volume = await openFat(sliceDevice(disk, firstSector * SECTOR_BYTES, sectorCount * SECTOR_BYTES));
    const read = async (path: string): Promise<string> =>
      Buffer.from(await volume.readFile(path)).toString('latin1');
    const slot = commit.parse(await read(isTrial && trialPath !== null ? trialPath : commit.path));
    const own = layout.ownFile(slot);
    const start = own.parse(await read(own.path));
    const kernelPath = join(directory, 'kernel');
    await writeFile(kernelPath, await volume.readFile(start.kernelPath));
    return {
      kernelPath,
      cmdline: start.cmdline.replaceAll(/\bconsole=serial0\b/g, `console=${VM_SERIAL_PORT}`),
    };
  } finally {
    await disk.close();
  }
}
