// Keeps something in its data directory: a file that is written once, and one that is written all the time, each made
// sure to be on the medium. Says on port 8081 which process it is.

import { closeSync, existsSync, fsyncSync, openSync, renameSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';

const directory = process.env['TSK_DATA_DIR'] ?? '.';
const kept = `${directory}/kept`;

function write(path: string, flags: 'a' | 'w', text: string): void {
  const fd = openSync(path, flags);
  writeSync(fd, text);
  fsyncSync(fd);
  closeSync(fd);
}

if (!existsSync(kept)) {
  write(`${kept}.new`, 'w', 'kept from the first start on\n'.repeat(300));
  renameSync(`${kept}.new`, kept);
  const fd = openSync(directory, 'r');
  fsyncSync(fd);
  closeSync(fd);
}

let lines = 0;
setInterval(() => write(`${directory}/growing`, 'a', `line ${lines++}\n`), 500);
createServer((_request, response) => response.end(JSON.stringify({ pid: process.pid }))).listen(8081);
