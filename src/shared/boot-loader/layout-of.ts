// The description of a board's boot loader, by the kind that the board's row names.

import type { BoardBoot } from '../board/boards.ts';
import type { BootLoaderLayout } from './boot-loader-layout.ts';
import { systemdBootLayout } from './systemd-boot.ts';

export function layoutOf(boot: BoardBoot): BootLoaderLayout {
  switch (boot.kind) {
    case 'systemd-boot':
      return systemdBootLayout(boot);
    default:
      // A kind without a description does not compile.
      return boot.kind;
  }
}
