// Writes as much as it is let, with and without newlines. It waits for room, as a pipe's writer does in most
// languages: Node.js would keep what does not fit, and die of that.

import { once } from 'node:events';

const LINES = 'flood '.repeat(20).concat('\n').repeat(500);
const ENDLESS = 'x'.repeat(64 * 1024);

async function flood(stream: NodeJS.WriteStream, text: string): Promise<never> {
  for (;;) if (!stream.write(text)) await once(stream, 'drain');
}
await Promise.all([flood(process.stdout, LINES), flood(process.stderr, ENDLESS)]);
