// Errors of the disk that the device starts from, as the kernel's log tells of them: cards and sticks wear out, and say so
// long before nothing works any more.

import type { LogLine } from '../../shared/services/services.ts';
import { locateRootDisk } from '../root-disk.ts';
import type { Sys } from '../sys/sys.ts';

/** Of the block layer, of buffers, and of the file systems that are on it (block/blk-core.c, fs/buffer.c, fs/ext4). */
const ERROR =
  /(?:I\/O error(?:,| on) dev(?:ice)?|(?:critical )?medium error, dev|EXT4-fs error \(device|Aborting journal on device) ([a-z]\w+)/;
/** Names no disk: there is one on it, the root. */
const ROOT_ERROR = /^SQUASHFS error: /;

/** `warn` hears of it once each start. */
export function tellOfDiskErrors(sys: Sys, warn: (text: string) => void): (line: LogLine) => void {
  let isTold = false;
  return ({ text }) => {
    if (isTold) return;
    const device = ERROR.exec(text)?.[1];
    if (device === undefined && !ROOT_ERROR.test(text)) return;
    const disk = nameOfDisk(sys);
    if (disk === undefined || (device !== undefined && !isOn(disk, device))) return;
    isTold = true;
    warn(
      `"/dev/${disk}", which the device starts from, has errors: replace it soon. The kernel says: ${text}`,
    );
  };
}

function nameOfDisk(sys: Sys): string | undefined {
  try {
    return locateRootDisk(sys).path.slice('/dev/'.length);
  } catch {
    return undefined;
  }
}

/** Whether `device` is the disk, or a partition of it (`sda1`, `mmcblk0p2`). */
function isOn(disk: string, device: string): boolean {
  return device.startsWith(disk) && /^(?:p?\d+)?$/.test(device.slice(disk.length));
}
