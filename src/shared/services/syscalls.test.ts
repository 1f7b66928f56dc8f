import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { groupOfSyscall, SYSCALL_GROUP_NAMES, SYSCALL_GROUPS } from './syscalls.ts';

test('groupOfSyscall finds the group that gives a call back', () => {
  for (const name of SYSCALL_GROUP_NAMES) {
    for (const call of SYSCALL_GROUPS[name].calls) assert.equal(groupOfSyscall(call), name);
  }
  assert.deepEqual((['clone', 'unshare', 'ioctl', 'socket'] as const).map(groupOfSyscall), [
    'namespaces',
    'namespaces',
    'terminal',
    'sockets',
  ]);
});

test('docs/supervision.md has all groups of system calls', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../../docs/supervision.md'), 'utf8');
  const rows = docs.split('\n').filter((line) => line.startsWith('| `'));
  const first = rows.map((row) => row.split('|')[1] ?? '').join(' ');
  for (const name of SYSCALL_GROUP_NAMES) assert.ok(first.includes(`\`${name}\``), name);
});
