import assert from 'node:assert/strict';
import { suite, test } from 'node:test';

import {
  parseCgroupCpuUsec,
  parseCgroupPath,
  parseCpuTimes,
  parseDataMounts,
  parseKibLine,
  parseNetDev,
  parseProcessCpuUsec,
} from './proc-format.ts';

suite('formats of /proc', () => {
  test('parseCpuTimes counts what is not idle, and guest time once', () => {
    const text = 'cpu  100 5 45 800 50 1 2 7 90 3\ncpu0 1 0 0 0\ncpu1 1 0 0 0\nintr 5\n';
    assert.deepEqual(parseCpuTimes(text), { busy: 160, total: 1010, cores: 2 });
  });

  test('parseKibLine finds whole names only', () => {
    const text = 'MemTotal:         498172 kB\nMemAvailable:     372000 kB\nPss_Anon: 7 kB\nPss:   12 kB\n';
    assert.equal(parseKibLine(text, 'MemTotal'), 498172 * 1024);
    assert.equal(parseKibLine(text, 'Pss'), 12 * 1024);
    assert.equal(parseKibLine(text, 'Mem'), undefined);
  });

  test('parseProcessCpuUsec survives any program name', () => {
    const text = '42 (a) b (c d) S 1 42 42 0 -1 4194560 999 0 0 0 150 50 0 0 20 0 1 0 100';
    assert.equal(parseProcessCpuUsec(text), 2_000_000);
  });

  test('cgroup files', () => {
    assert.equal(parseCgroupPath('0::/tsk/web\n'), '/tsk/web');
    assert.equal(parseCgroupPath('12:pids:/x\n0::/\n'), undefined);
    assert.equal(parseCgroupPath(''), undefined);
    assert.equal(parseCgroupCpuUsec('usage_usec 1234\nuser_usec 1000\n'), 1234);
    assert.equal(parseCgroupCpuUsec(''), undefined);
  });

  test('parseNetDev leaves the loopback interface out', () => {
    const text = [
      'Inter-|   Receive                                                |  Transmit',
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop',
      '    lo: 100 1 0 0 0 0 0 0 100 1 0 0 0 0 0 0',
      '  eth0: 5120 9 0 0 0 0 0 0 640 3 0 0 0 0 0 0',
      'wlan0:1 1 0 0 0 0 0 0 2 3 0 0 0 0 0 0',
      '',
    ].join('\n');
    assert.deepEqual(parseNetDev(text), [
      { interfaceName: 'eth0', receivedBytes: 5120, sentBytes: 640 },
      { interfaceName: 'wlan0', receivedBytes: 1, sentBytes: 2 },
    ]);
  });

  test('parseDataMounts leaves out what holds no data, and second mounts', () => {
    const text = [
      '/dev/root / squashfs ro 0 0',
      'proc /proc proc rw 0 0',
      '/dev/vda4 /perm ext4 rw,noatime 0 0',
      '/dev/vda4 /perm/home/x ext4 rw 0 0',
      '/dev/sda1 /mnt/my\\040disk vfat rw 0 0',
      'tmpfs /tmp tmpfs rw 0 0',
    ].join('\n');
    assert.deepEqual(parseDataMounts(text), [
      { device: '/dev/vda4', mountPoint: '/perm' },
      { device: '/dev/sda1', mountPoint: '/mnt/my disk' },
    ]);
    assert.deepEqual(parseDataMounts('tmpfs /perm tmpfs rw 0 0\n'), [
      { device: 'tmpfs', mountPoint: '/perm' },
    ]);
  });
});
