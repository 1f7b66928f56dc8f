#!/usr/bin/env node
// Only the version check and what has to come before anything is loaded, in syntax that old releases parse: everything
// else may use what Node 22 has.
import { availableParallelism } from 'node:os';

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `tsk needs Node.js 22.18 or newer: this is ${process.version}. Install a newer one, or use "npm run tsk --" in the checkout.`,
  );
  process.exit(1);
}
const { enableCompileCache } = await import('../src/host/compile-cache.ts');
enableCompileCache();
// libuv compresses on 4 threads unless it is told otherwise before its first use.
process.env['UV_THREADPOOL_SIZE'] ??= String(Math.max(4, availableParallelism()));
const { main } = await import('../src/host/cli/main.ts');
await main(process.argv.slice(2));
