import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeChanges } from './describe-changes.ts';

const before = {
  hostname: 'garden',
  tskrazyVersion: '0.1.0',
  components: { kernel: '6.18.2', node: '26.9.0', busybox: '1' },
  apps: [
    { name: 'sensor', kind: 'node', contentSha256: 'a' },
    { name: 'camera', kind: 'go', contentSha256: 'b' },
    { name: 'pump', kind: 'node', contentSha256: 'c' },
  ],
};

test('describeChanges names what is other, new and gone, and nothing else', () => {
  const after = {
    ...before,
    components: { kernel: '6.18.2', node: '26.10.0', firmware: '2' },
    apps: [
      { name: 'sensor', kind: 'node', contentSha256: 'x' },
      { name: 'pump', kind: 'node', contentSha256: 'c' },
      { name: 'heater', kind: 'node', contentSha256: 'd' },
    ],
  };
  assert.deepEqual(describeChanges(before, after), {
    system: [
      { name: 'busybox', from: '1', to: null },
      { name: 'node', from: '26.9.0', to: '26.10.0' },
      { name: 'firmware', from: null, to: '2' },
    ],
    apps: [
      { name: 'camera', change: 'gone' },
      { name: 'heater', change: 'new' },
      { name: 'sensor', change: 'changed' },
    ],
  });
  assert.deepEqual(describeChanges(before, before), { system: [], apps: [] });
});

test('describeChanges names another hostname and another tskrazy first', () => {
  const { system } = describeChanges(before, { ...before, hostname: 'shed', tskrazyVersion: '0.2.0' });
  assert.deepEqual(
    system.map(({ name, to }) => `${name} ${to}`),
    ['hostname shed', 'tskrazy 0.2.0'],
  );
});
