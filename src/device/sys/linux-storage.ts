// What programs other than init need of the kernel for block devices.

import { closeSync, openSync, statSync } from 'node:fs';
import { BLKFLSBUF } from './ioctls.ts';
import { bindLibc } from './libc.ts';
import type { StorageSys } from './sys.ts';

const ioctl = bindLibc('ioctl', ['int32', 'uint64', 'buffer']);

export function linuxStorage(): StorageSys {
  return {
    path: (path) => path,
    rootDevice() {
      const { dev } = statSync('/', { bigint: true });
      return `${deviceMajor(dev)}:${deviceMinor(dev)}`;
    },
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

/** dev_t of 64 bits as glibc packs it (sys/sysmacros.h). */
function deviceMajor(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
}

function deviceMinor(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
}
