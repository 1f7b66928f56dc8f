// Writes 100 MB without a newline, then says so.

const CHUNK = 'x'.repeat(64 * 1024);

let left = (100 * 1024 * 1024) / CHUNK.length;
function write(): void {
  process.stdout.write(CHUNK);
  if (--left > 0) setImmediate(write);
  // By then there is room for output again.
  else setTimeout(() => process.stdout.write('\nwritten\n'), 3000);
}
write();
setInterval(() => {}, 1e6);
