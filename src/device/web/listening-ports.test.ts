import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { listeningPorts } from './listening-ports.ts';

const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';

function row(local: string, state: string, inode: number): string {
  return `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100\n`;
}

function fakeKernel(t: TestContext, files: Record<string, string>, links: Record<string, string>) {
  const root = mkdtempSync(join(tmpdir(), 'tsk-ports-'));
  t.after(() => rmSync(root, { recursive: true }));
  const place = (path: string): string => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    return join(root, path);
  };
  for (const [path, text] of Object.entries(files)) writeFileSync(place(path), text);
  for (const [path, target] of Object.entries(links)) symlinkSync(target, place(path));
  return { proc: join(root, 'proc'), sys: join(root, 'sys') };
}

test('listeningPorts finds whose each socket is, in all processes of a service', (t) => {
  const places = fakeKernel(
    t,
    {
      'proc/net/tcp':
        HEAD +
        row('0100007F:1F90', '0A', 11) +
        row('0500000A:0050', '01', 12) +
        row('00000000:1F91', '0A', 13),
      'proc/net/tcp6':
        HEAD +
        row('00000000000000000000000000000000:0050', '0A', 14) +
        row('00000000000000000000000001000000:1F90', '0A', 15),
      'proc/net/udp': HEAD + row('00000000:14E9', '07', 16) + row('00000000:9C40', '07', 17),
      'proc/net/udp6': HEAD,
      'proc/7/cgroup': '0::/apps/app\n',
      'sys/fs/cgroup/apps/app/cgroup.procs': '7\n8\n',
      'proc/9/cgroup': '0::/\n',
    },
    {
      'proc/7/fd/0': '/dev/null',
      'proc/7/fd/9': 'socket:[11]',
      'proc/8/fd/3': 'socket:[15]',
      'proc/8/fd/4': 'socket:[99]',
      'proc/9/fd/3': 'socket:[14]',
    },
  );
  const services = [
    { name: 'app', pid: 7 },
    { name: 'web', pid: 9 },
    { name: 'down', pid: null },
    { name: 'gone', pid: 10 },
  ];
  assert.deepEqual(listeningPorts(services, places), [
    { protocol: 'tcp', port: 80, service: 'web', addresses: ['::'] },
    { protocol: 'udp', port: 5353, service: null, addresses: ['0.0.0.0'] },
    { protocol: 'tcp', port: 8080, service: 'app', addresses: ['127.0.0.1', '::1'] },
    { protocol: 'tcp', port: 8081, service: null, addresses: ['0.0.0.0'] },
  ]);
});

test('listeningPorts reads the tables of this kernel', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const found = listeningPorts([{ name: 'me', pid: process.pid }]).find((each) => each.port === port);
  assert.deepEqual(found, { protocol: 'tcp', port, service: 'me', addresses: ['127.0.0.1'] });
});
