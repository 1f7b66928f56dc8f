// The report on devices that answer wholly, partly, and as older ones do.

import assert from 'node:assert/strict';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { exampleSystem } from '../../../test/support/web/fake-device.ts';
import { startWebDevice, TEST_PASSWORD } from '../../../test/support/web/web-device.ts';
import { formatReport } from './show-report.ts';
import { DeviceClient } from '../devices/device-client.ts';
import { NoAnswerError } from '../devices/no-answer-error.ts';
import { makeDeviceReport } from '../report/device-report.ts';

const { signal } = new AbortController();

function clientOf(port: number): DeviceClient {
  const device = {
    name: 'garden',
    foundBy: 'network',
    addresses: [{ host: '127.0.0.1', port, tls: false }],
    expected: { hostname: 'garden', board: 'pc-amd64', authorities: [] },
  } as const;
  return new DeviceClient(device, { password: TEST_PASSWORD, file: '.tskrazy/password' }, signal);
}

async function serve(t: TestContext, listener: http.RequestListener): Promise<number> {
  const server = http.createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('a device that answers: what is wrong first, then all that it tells', async (t) => {
  const device = await startWebDevice();
  t.after(() => device.close());
  device.init.change('backup', { state: 'backoff', reason: 'exited with code 3' });
  device.init.system = {
    ...device.init.system,
    warnings: ['the watchdog cannot be opened: EBUSY'],
    perm: { state: 'tmpfs', device: null, note: 'there is no partition for it' },
  };
  device.init.log('kernel', 'EXT4-fs error (device vda4): bad block', 'stderr');
  device.init.log('kernel', 'usb 1-1: new device');
  const report = await makeDeviceReport(clientOf(device.port), signal);
  for (const wanted of [
    /^backup crashes again and again: exited with code 3$/,
    /^the watchdog cannot be opened: EBUSY$/,
    /^\/perm is in memory, and lost at the next restart: there is no partition for it$/,
  ])
    assert.ok(
      report.findings.some((finding) => wanted.test(finding)),
      `${wanted} is not in ${report.findings.join('\n')}`,
    );
  assert.deepEqual(
    report.kernelWarnings?.map(({ text }) => text),
    ['EXT4-fs error (device vda4): bad block'],
  );
  assert.ok(Math.abs(report.clockOffsetMs ?? Infinity) < 5000);
  const text = formatReport(report);
  for (const title of ['What is wrong', 'Device', 'Clock', 'Network eth0', 'Storage', 'Services', 'Starts'])
    assert.match(text, new RegExp(`^${title}$`, 'm'));
  assert.match(text, /^  net: running, started once$/m);
  assert.match(text, /^What the kernel warns of\n  EXT4-fs error/m);
});

test('a device whose init is away still has a report, of what it lacks', async (t) => {
  const device = await startWebDevice();
  t.after(() => device.server.close());
  await device.init.close();
  const report = await makeDeviceReport(clientOf(device.port), signal);
  assert.equal(report.status, null);
  assert.deepEqual(report.lacks.slice(0, 1), ['the status: Cannot read the status: init does not answer']);
  assert.match(
    formatReport(report),
    /^Not told\n  the status: Cannot read the status: init does not answer$/m,
  );
});

test('an older device says what it lacks', async (t) => {
  const status = {
    timeMs: Date.now() - 3_600_000,
    bootId: 'x',
    model: null,
    processor: null,
    system: exampleSystem(),
    services: [],
    usage: {
      cpu: { cores: 1, busyFraction: null },
      memory: { totalBytes: 512e6, availableBytes: 256e6 },
      temperatureCelsius: null,
      disks: [{ mountPoint: '/perm', totalBytes: 1e9, availableBytes: 1e7, usedBytes: 9.9e8 }],
      traffic: [],
    },
    network: null,
    time: null,
    mayChange: true,
  };
  const port = await serve(t, ({ url }, response) => {
    if (url === '/api/v1/status') response.end(JSON.stringify(status));
    else response.writeHead(404).end('{"error":{"message":"There is nothing at this address"}}');
  });
  const report = await makeDeviceReport(clientOf(port), signal);
  assert.deepEqual(report.findings, [
    '/perm is almost full',
    'The clocks of the device and of this computer differ by 3600 s',
  ]);
  const lacks = report.lacks.join('\n');
  for (const part of ['updates', 'earlier starts', 'what the kernel says', 'the network', 'errors and wear'])
    assert.match(lacks, new RegExp(`^${part}`, 'm'));
  assert.match(formatReport(report), /errors not told, wear not told/);
});

test('where nobody answers there is no report', async (t) => {
  const port = await serve(t, ({ socket }) => socket.destroy());
  await assert.rejects(makeDeviceReport(clientOf(port), signal), NoAnswerError);
});
