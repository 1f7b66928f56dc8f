import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeArch } from '../../shared/board/boards.ts';
import { syscallNumber } from '../../shared/board/syscall-numbers.ts';
import { parseRefusedCall } from './refused-calls.ts';

const number = syscallNumber('keyctl', process.arch as NodeArch) ?? assert.fail();
const record = (uid: number, comm: string, of: number | string = number, subject = ''): string =>
  `audit: type=1326 audit(1795902047.254:2): auid=4294967295 uid=${uid} gid=7 ses=4294967295 ${subject}pid=5553 ` +
  `comm=${comm} exe="/bin/node" sig=0 arch=c000003e syscall=${of} compat=0 ip=0x7f124311f829 code=0x50000`;

test('parseRefusedCall reads what the kernel says of a refused call', () => {
  const expected = { uid: 300_000_000, pid: 5553, call: 'keyctl' };
  assert.deepEqual(parseRefusedCall(record(300_000_000, '"node-MainThread"')), expected);
  assert.deepEqual(parseRefusedCall(record(300_000_000, '6120622063', number, 'subj=kernel ')), expected);
});

test('parseRefusedCall is not told by anything else, nor of a call that no group has', () => {
  for (const text of [
    'audit: type=1400 audit(1795902047.254:2): apparmor="DENIED"',
    record(1, '"x"', 9999),
    `app says ${record(1, '"x"')}`,
  ]) {
    assert.equal(parseRefusedCall(text), undefined, text);
  }
});
