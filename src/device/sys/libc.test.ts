import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindLibc } from './libc.ts';

test('bindLibc returns what the call returns', () => {
  assert.equal(bindLibc('getpid', [])(), process.pid);
});

test('bindLibc throws an error with the code, errno and name of the failed call', () => {
  const open = bindLibc('open', ['string', 'int32', 'int32']);
  assert.throws(() => open('/does/not/exist', 0, 0), { code: 'ENOENT', errno: -2, syscall: 'open' });
});

test('bindLibc passes buffers, 64-bit numbers and null pointers', () => {
  const getcwd = bindLibc('readlink', ['string', 'buffer', 'uint64']);
  const buffer = new Uint8Array(4096);
  const length = getcwd('/proc/self/exe', buffer, 4096n);
  assert.equal(new TextDecoder().decode(buffer.subarray(0, length)), process.execPath);
});
