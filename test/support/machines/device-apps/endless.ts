// Writes 100 MB without a newline, then says so.

import { once } from 'node:events';

const CHUNK = 'x'.repeat(64 * 1024);

for (let left = (100 * 1024 * 1024) / CHUNK.length; left > 0; left--) {
  if (!process.stdout.write(CHUNK)) await once(process.stdout, 'drain');
}
// By then there is room for output again.
setTimeout(() => process.stdout.write('\nwritten\n'), 3000);
setInterval(() => {}, 1e6);
