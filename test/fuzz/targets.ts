// All fuzz targets by name. A parser of bytes that somebody else makes gets a row here when it is written.

import type { FuzzTarget } from './fuzz-target.ts';
import { BREAKGLASS_TARGETS } from './targets/breakglass.ts';
import { DISK_TARGETS } from './targets/disk.ts';
import { FILE_TARGETS } from './targets/files.ts';
import { KERNEL_TARGETS } from './targets/kernel.ts';
import { NETWORK_TARGETS } from './targets/network.ts';
import { SOCKET_TARGETS } from './targets/sockets.ts';
import { TEXT_TARGETS } from './targets/texts.ts';
import { UPDATE_TARGETS } from './targets/updates.ts';

export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  ...NETWORK_TARGETS,
  ...SOCKET_TARGETS,
  ...KERNEL_TARGETS,
  ...UPDATE_TARGETS,
  ...BREAKGLASS_TARGETS,
  ...DISK_TARGETS,
  ...FILE_TARGETS,
  ...TEXT_TARGETS,
};
