import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { NODE_FLAGS } from './device-config.ts';

/** Says how many of its builtins Node.js has not compiled itself, but taken as they were made with it. */
const COUNT_READY_BUILTINS = `
  const { internalBinding } = require('internal/test/binding');
  require('node:http');
  console.log(internalBinding('builtins').getCacheUsage().compiledWithCache.size);
`;

function readyBuiltins(flags: readonly string[]): number {
  const args = [...flags, '--expose-internals', '--eval', COUNT_READY_BUILTINS];
  return Number(spawnSync(process.execPath, args, { encoding: 'utf8' }).stdout);
}

test('Node.js takes its builtins as they were compiled with it, with the flags of our programs too', () => {
  assert.ok(readyBuiltins(NODE_FLAGS) > 20);
  assert.equal(readyBuiltins([...NODE_FLAGS, '--no-maglev']), 0);
});
