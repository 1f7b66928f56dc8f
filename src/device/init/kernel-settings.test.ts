import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { RecordingSys } from '../../../test/support/init/recording-sys.ts';
import { applyKernelSettings, KERNEL_SETTINGS } from './kernel-settings.ts';

test('applyKernelSettings sets what the kernel has, for each interface, and nothing else', () => {
  using sys = new RecordingSys();
  const read = (path: string): string => readFileSync(sys.path(`/proc/sys/${path}`), 'utf8');
  for (const path of [
    'kernel/kptr_restrict',
    'net/ipv4/conf/all/rp_filter',
    'net/ipv4/conf/eth0/rp_filter',
  ]) {
    sys.file(`/proc/sys/${path}`, '0');
  }
  applyKernelSettings(sys);
  assert.equal(read('kernel/kptr_restrict'), '2');
  assert.deepEqual([read('net/ipv4/conf/all/rp_filter'), read('net/ipv4/conf/eth0/rp_filter')], ['2', '2']);
  assert.throws(() => read('kernel/dmesg_restrict'), { code: 'ENOENT' });
  assert.throws(() => read('net/ipv4/conf/eth0/accept_redirects'), { code: 'ENOENT' });
});

test('applyKernelSettings goes on behind what the kernel refuses, and names it', () => {
  using sys = new RecordingSys();
  // Nothing can be written to a directory.
  mkdirSync(sys.path('/proc/sys/kernel/dmesg_restrict'), { recursive: true });
  sys.file('/proc/sys/fs/protected_regular', '0');
  assert.throws(() => applyKernelSettings(sys), {
    message: 'The kernel refuses to change /proc/sys/kernel/dmesg_restrict (EISDIR)',
  });
  assert.equal(readFileSync(sys.path('/proc/sys/fs/protected_regular'), 'utf8'), '2');
});

test('KERNEL_SETTINGS names each setting once', () => {
  assert.equal(new Set(KERNEL_SETTINGS.map(({ path }) => path)).size, KERNEL_SETTINGS.length);
});
