// Fills its data directory to the last byte, says so, and goes on trying.

import { appendFileSync } from 'node:fs';

const path = `${process.env['TSK_DATA_DIR'] ?? '.'}/filling`;
for (let size = 4 * 1024 * 1024; size >= 1; size = Math.floor(size / 8)) fillBy(Buffer.alloc(size, 'x'));
console.log('full');
setInterval(() => fillBy(Buffer.from('x')), 100);

function fillBy(chunk: Buffer): void {
  try {
    for (;;) appendFileSync(path, chunk);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
