// What programs other than init need of the kernel for block devices.

import { closeSync, openSync } from 'node:fs';
import { BLKFLSBUF } from './ioctls.ts';
import { bindLibc } from './libc.ts';
import { rootDevice } from './root-device.ts';
import type { StorageSys } from './sys.ts';

const ioctl = bindLibc('ioctl', ['int32', 'uint64', 'buffer']);

export function linuxStorage(): StorageSys {
  return {
    path: (path) => path,
    rootDevice,
    dropBlockCache(path) {
      const fd = openSync(path, 'r');
      try {
        ioctl(fd, BigInt(BLKFLSBUF), null);
      } finally {
        closeSync(fd);
      }
    },
  };
}
