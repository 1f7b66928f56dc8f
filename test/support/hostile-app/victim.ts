// What the hostile app is after: has a secret, listens where neighbours could reach it, ignores SIGTERM, and looks into
// the directory that both share.

import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';

writeFileSync('/perm/victim/secret', 'secret', { mode: 0o644 });
// Without it there would be nothing to keep from others.
readFileSync(process.env['TSK_SECRET_TOKEN'] ?? '');
await once(createServer().listen('\0victim'), 'listening');
process.on('SIGTERM', () => console.log('no'));
console.log('secret kept');
const timer = setInterval(() => {
  if (!existsSync('/perm/shared/from-hostile')) return;
  clearInterval(timer);
  console.log('shared file seen');
}, 200);
setInterval(() => {}, 1e6);
