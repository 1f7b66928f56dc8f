// The description of a board's boot loader, by the kind that the board's row names.

import type { BoardBoot } from '../board/boards.ts';
import type { BootLoaderLayout } from './boot-loader-layout.ts';
import { RASPBERRY_PI_LAYOUT } from './raspberry-pi.ts';
import { systemdBootLayout } from './systemd-boot.ts';

export function layoutOf(boot: BoardBoot): BootLoaderLayout {
  switch (boot.kind) {
    case 'systemd-boot':
      return systemdBootLayout(boot);
    case 'raspberry-pi-firmware':
      return RASPBERRY_PI_LAYOUT;
    default:
      // A kind without a description does not compile.
      return boot;
  }
}
