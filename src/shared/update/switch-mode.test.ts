import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Manifest } from '../manifest/manifest.ts';
import { decideSwitch } from './switch-mode.ts';

const manifest: Manifest = {
  formatVersion: 1,
  buildId: '1',
  hostname: 'garden',
  board: 'pc-amd64',
  arch: 'amd64',
  tskrazyVersion: '0.1.0',
  buildTimeSec: 1,
  components: { kernel: '1', node: '26.10.0' },
  kernelArgs: ['ro'],
  systemSha256: 's',
  apps: [
    { name: 'gone', kind: 'go', contentSha256: '1' },
    { name: 'other', kind: 'go', contentSha256: '1' },
    { name: 'same', kind: 'go', contentSha256: '1' },
  ],
  bootFiles: [],
  root: { sizeBytes: 0, sha256: '', chunks: [] },
  minLayout: { rootPartitionBytes: 0, bootPartitionBytes: 0 },
};
const apps = [
  { name: 'same', kind: 'go', contentSha256: '1' },
  { name: 'other', kind: 'go', contentSha256: '2' },
  { name: 'new', kind: 'go', contentSha256: '1' },
];
const changedApps = ['gone', 'new', 'other'];
const unchangedApps = ['same'];

test('decideSwitch: the same build needs none', () => {
  assert.deepEqual(decideSwitch(manifest, manifest), {
    mode: 'none',
    rebootBecause: [],
    changedApps: [],
    unchangedApps: ['gone', 'other', 'same'],
  });
});

test('decideSwitch: live while only apps are new, gone or other than before', () => {
  const to = { ...manifest, buildId: '2', buildTimeSec: 2, apps };
  assert.deepEqual(decideSwitch(manifest, to), {
    mode: 'live',
    rebootBecause: [],
    changedApps,
    unchangedApps,
  });
});

test('decideSwitch: what makes a restart necessary', () => {
  const cases: [Partial<Manifest>, string[]][] = [
    [{}, ['programs or configuration of the system change']],
    [{ components: { kernel: '2', node: '26.10.0' } }, ['kernel 1 becomes 2']],
    [
      { components: { bubblewrap: '1', kernel: '1' } },
      ['bubblewrap none becomes 1', 'node 26.10.0 becomes none'],
    ],
    [{ kernelArgs: ['ro', 'quiet'] }, ['the kernel command line changes']],
    [{ tskrazyVersion: '0.2.0' }, ['tskrazy 0.1.0 becomes 0.2.0']],
  ];
  for (const [changes, rebootBecause] of cases) {
    const to = { ...manifest, buildId: '2', systemSha256: 't', apps, ...changes };
    assert.deepEqual(decideSwitch(manifest, to), {
      mode: 'reboot',
      rebootBecause,
      changedApps,
      unchangedApps,
    });
  }
});
