// The device that the root file system is on. Apart from the rest of sys/, so that who asks for no more does not load libc.

import { statSync } from 'node:fs';
import type { DeviceNumber } from './sys.ts';

export function rootDevice(): DeviceNumber {
  const { dev } = statSync('/', { bigint: true });
  return `${deviceMajor(dev)}:${deviceMinor(dev)}`;
}

/** dev_t of 64 bits as glibc packs it (sys/sysmacros.h). */
function deviceMajor(dev: bigint): bigint {
  return ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & 0xfffff000n);
}

function deviceMinor(dev: bigint): bigint {
  return (dev & 0xffn) | ((dev >> 12n) & 0xffffff00n);
}
