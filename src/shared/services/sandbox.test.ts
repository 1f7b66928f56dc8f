import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPABILITIES, parseMemorySize, uidOfApp } from './sandbox.ts';

test('uidOfApp never changes: the data on devices belong to it', () => {
  assert.equal(uidOfApp('sensor'), 322_570_481);
  assert.equal(uidOfApp('app'), 451870621);
});

test('uidOfApp keeps clear of the numbers that others give out', () => {
  for (let index = 0; index < 1000; index++) {
    const uid = uidOfApp(`app-${index}`);
    assert.ok(uid >= 0x1000_0000 && uid < 0x2000_0000);
  }
});

test('parseMemorySize', () => {
  assert.deepEqual(['4096KiB', '64MiB', '1.5 GiB'].map(parseMemorySize), [4194304, 67108864, 1610612736]);
});

test('CAPABILITIES are the 41 that Linux has', () => {
  assert.equal(CAPABILITIES.length, 41);
  assert.equal(CAPABILITIES[10], 'CAP_NET_BIND_SERVICE');
  assert.equal(CAPABILITIES[40], 'CAP_CHECKPOINT_RESTORE');
});
