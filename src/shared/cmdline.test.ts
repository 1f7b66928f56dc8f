import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCmdline, parseCmdline, slotOfCmdline } from './cmdline.ts';

test('parseCmdline reads keys, flags, quoted blanks and takes the last value', () => {
  const values = parseCmdline('console=tty0 console=ttyS0,115200 ro foo="a b" x=y=z\n');
  assert.deepEqual(
    [...values],
    [
      ['console', 'ttyS0,115200'],
      ['ro', ''],
      ['foo', 'a b'],
      ['x', 'y=z'],
    ],
  );
});

test('slotOfCmdline knows a and b only', () => {
  assert.equal(slotOfCmdline('ro tskrazy.slot=b quiet'), 'b');
  assert.equal(slotOfCmdline('ro tskrazy.slot=c'), undefined);
  assert.equal(slotOfCmdline('ro'), undefined);
});

test('formatCmdline names root, slot and a bounded wait for the root', () => {
  const line = formatCmdline({
    rootPartitionGuid: 'u-2',
    slot: 'a',
    consoles: ['tty0', 'ttyS0'],
    extraArgs: ['quiet'],
  });
  const values = parseCmdline(line);
  assert.equal(values.get('root'), 'PARTUUID=u-2');
  assert.equal(values.get('rootwait'), '20');
  assert.equal(values.get('console'), 'ttyS0');
  assert.equal(slotOfCmdline(line), 'a');
});
