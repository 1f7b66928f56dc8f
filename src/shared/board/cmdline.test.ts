import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatCmdline, kernelArgsOf, kernelArgsProblem, parseCmdline, slotOfCmdline } from './cmdline.ts';

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

test('formatCmdline names root and slot, and keeps them from a `--` of the user', () => {
  const line = formatCmdline({
    rootPartitionGuid: 'u-2',
    slot: 'a',
    kernelArgs: kernelArgsOf({ consoles: ['tty0', 'ttyS0'], extraArgs: ['quiet', '--', 'x'] }),
  });
  const values = parseCmdline(line);
  assert.equal(values.get('root'), 'PARTUUID=u-2');
  assert.equal(values.get('rootwait'), '20');
  assert.equal(values.get('console'), 'ttyS0');
  assert.equal(slotOfCmdline(line.split(' -- ')[0] ?? ''), 'a');
});

test('kernelArgsOf: a bounded wait for the root, and the extra words last', () => {
  const words = kernelArgsOf({ consoles: ['tty0'], extraArgs: ['quiet'] });
  assert.deepEqual([words[0], words.at(-1)], ['console=tty0', 'quiet']);
  assert.ok(words.includes('rootwait=20'));
  assert.ok(!words.some((word) => word.startsWith('root=') || word.startsWith('tskrazy.slot=')));
});

test('kernelArgsProblem: what is no argument, what belongs to the slot, and what Linux would cut off', () => {
  assert.equal(kernelArgsProblem(['console=tty0', 'rootwait', 'rootflags=x', 'x="a b"', '--']), undefined);
  assert.match(kernelArgsProblem(['a b']) ?? '', /"a b", which is not one kernel argument/);
  for (const word of ['root=/dev/sda2', 'root', '"root=x"', 'tskrazy.slot=b', 'tskrazy.slot']) {
    assert.match(kernelArgsProblem(['ro', word]) ?? '', /depends on the slot/, word);
  }
  assert.match(kernelArgsProblem(['x'.repeat(1901)]) ?? '', /1901 characters together, more than 1900/);
});
