// Holds memory where no process shows it: in files without a name that are neither read nor mapped. First it says that it is
// ready, but not to init.

import { ftruncateSync } from 'node:fs';
import { bindLibc } from '../../../src/device/sys/libc.ts';

const STEP_BYTES = 8 * 1024 * 1024;

const memfdCreate = bindLibc('memfd_create', ['string', 'uint32']);
const fallocate = bindLibc('fallocate', ['int32', 'int32', 'int64', 'int64']);

console.log('ready');
setInterval(() => {
  const fd = memfdCreate('hoard', 0);
  ftruncateSync(fd, STEP_BYTES);
  fallocate(fd, 0, 0n, BigInt(STEP_BYTES));
}, 20);
