import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseKernelRecord } from './kernel-log.ts';

test('parseKernelRecord reads number, time, severity and text, and leaves out the details', () => {
  assert.deepEqual(
    parseKernelRecord('6,339,5140900,-;NET: Registered PF_INET6\n SUBSYSTEM=net\n', 1_000_000),
    { seq: 339, timeMs: 1_005_141, stream: 'stdout', text: 'NET: Registered PF_INET6' },
  );
});

test('parseKernelRecord tells errors apart, whatever facility wrote them', () => {
  assert.equal(parseKernelRecord('3,1,2,-;disk failed', 0)?.stream, 'stderr');
  assert.equal(parseKernelRecord('30,1,2,c,caller=T1;user space, informational', 0)?.stream, 'stdout');
  assert.equal(parseKernelRecord('10,1,2,-;user space, critical', 0)?.stream, 'stderr');
});

test('parseKernelRecord decodes escaped UTF-8 and keeps escaped controls visible', () => {
  assert.equal(parseKernelRecord('6,1,2,-;a\\xc3\\xa4\\x1b[0m', 0)?.text, 'aä\\x1b[0m');
});

test('parseKernelRecord refuses what is no record', () => {
  assert.equal(parseKernelRecord('SUBSYSTEM=net', 0), undefined);
});
