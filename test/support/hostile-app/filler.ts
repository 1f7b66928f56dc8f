// Takes all of /perm that it gets, and says so.

import { openSync } from 'node:fs';
import { bindLibc } from '../../../src/device/sys/libc.ts';

const SMALLEST_BYTES = 4096;

const fallocate = bindLibc('fallocate', ['int32', 'int32', 'int64', 'int64']);
const fd = openSync(`${process.env['TSK_DATA_DIR'] ?? ''}/filling`, 'w');
let at = 0;
for (let size = 2 ** 32; size >= SMALLEST_BYTES;) {
  try {
    fallocate(fd, 0, BigInt(at), BigInt(size));
    at += size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    size /= 2;
  }
}
console.log('full');
setInterval(() => {}, 1e6);
