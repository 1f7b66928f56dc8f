// What init makes of apps' networks on kernels of several kinds. That the rules hold is tried in network-guard.test.ts.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { libcError } from '../../src/device/sys/libc.ts';
import { bootDevice, prepareDevice, service } from '../support/init/init-scenario.ts';
import { RecordingSys } from '../support/init/recording-sys.ts';

const PORT_START = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
const RESERVED = '/proc/sys/net/ipv4/ip_local_reserved_ports';

test('named ports are nobody else’s by chance, and low ones stay with who is given them', async () => {
  using sys = new RecordingSys();
  const listen = [{ name: 'http', port: 80 }];
  const web = service('web', { kind: 'system', argv: ['/tsk/web'], listen });
  prepareDevice(sys, { services: [web, service('app', { ports: ['any', 'tcp/443', 'udp/40000-40010'] })] });
  sys.file(PORT_START, '1024\n');
  sys.file(RESERVED, '\n');
  const { device } = await bootDevice(sys);
  assert.equal(readFileSync(sys.path(PORT_START), 'utf8'), '1024');
  assert.equal(readFileSync(sys.path(RESERVED), 'utf8'), '80,68,5353,443,40000-40010');
  assert.deepEqual(device.warnings, []);
  const [line] = sys.log.filter((each) => each.includes('TCP port 80'));
  assert.equal(line, 'listen on TCP port 80');
});

test('a kernel without programs for cgroups is said; who must be kept to a network does not start there', async () => {
  using sys = new RecordingSys({
    loadProgram: () => {
      throw libcError('bpf', 38);
    },
  });
  const sandbox = { devices: [], paths: {}, capabilities: [] };
  prepareDevice(sys, {
    services: [
      service('plain', { ports: ['tcp/443'] }),
      service('kept', { network: 'lan', restart: 'never' }),
      service('alone', { network: 'none', sandbox }),
      service('loose', { network: 'none', restart: 'never' }),
    ],
  });
  sys.file(PORT_START, '1024\n');
  const { device } = await bootDevice(sys);
  assert.equal(readFileSync(sys.path(PORT_START), 'utf8'), '0');
  assert.deepEqual(device.warnings, [
    'Cannot guard the network of apps: Ports are free to all apps on this kernel, low ones too: ENOSYS: bpf failed',
  ]);
  const states = device.supervisor.list().map((each) => [each.spec.name, each.state]);
  assert.deepEqual(states, [
    ['plain', 'running'],
    ['kept', 'failed'],
    ['alone', 'running'],
    ['loose', 'failed'],
  ]);
  assert.equal(
    device.supervisor.get('kept')?.status().reason,
    'Cannot keep it to network "lan": the kernel has no programs for cgroups (CONFIG_CGROUP_BPF)',
  );
  assert.ok(sys.log.some((line) => line.includes('/tsk/bin/bwrap') && line.includes('--unshare-net')));
});
