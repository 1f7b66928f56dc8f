// The boot switch of the device at hand, by what its board starts the kernel with.

import { BOOT_PARTITION } from '../../../shared/board/disk-layout.ts';
import type { BoardBoot } from '../../../shared/board/boards.ts';
import { layoutOf } from '../../../shared/boot-loader/layout-of.ts';
import { locateRootDisk, partitionOf } from '../../root-disk.ts';
import type { Sys } from '../../sys/sys.ts';
import type { BootSwitch } from '../../boot-loader/boot-switch.ts';
import { openRaspberryPi } from '../../boot-loader/raspberry-pi/open-raspberry-pi.ts';
import { openSystemdBoot } from '../../boot-loader/systemd-boot/open-systemd-boot.ts';

/**
 * Throws when the device has no boot partition of ours. What it remembers is in /perm and read when it is needed:
 * `trialStart` and `takeTrace` are right when /perm is there.
 */
export async function openBootSwitch(
  sys: Sys,
  board: BoardBoot,
  say: (text: string) => void,
): Promise<BootSwitch> {
  const boot = partitionOf(locateRootDisk(sys), BOOT_PARTITION);
  const layout = layoutOf(board);
  switch (board.kind) {
    case 'systemd-boot':
      return openSystemdBoot({ sys, boot, layout, say });
    case 'raspberry-pi-firmware':
      return openRaspberryPi({ sys, boot, layout, say });
    default:
      // A kind without a directory does not compile.
      return board;
  }
}
