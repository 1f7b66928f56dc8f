// What tsk ps and tsk status print, of a device with an app of every kind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { exampleUpdateState } from '../../../test/support/web/fake-device.ts';
import { startWebDevice, TEST_PASSWORD } from '../../../test/support/web/web-device.ts';
import type { WebStatus } from '../../shared/api/web-api.ts';
import type { WifiTrials } from '../../shared/network/wifi-api.ts';
import type { UpdateStatus } from '../../shared/update/update-api.ts';
import { DeviceClient } from '../devices/device-client.ts';
import { formatServices } from './show-services.ts';
import { formatStatus } from './show-status.ts';

async function exampleStatus(): Promise<WebStatus> {
  const device = await startWebDevice();
  try {
    const addresses = [{ host: '127.0.0.1', port: device.port, tls: false }];
    const expected = { hostname: 'garden', board: 'pc-amd64', authorities: [] } as const;
    const client = new DeviceClient(
      { name: 'garden', foundBy: 'host', addresses, expected },
      { password: TEST_PASSWORD, file: '' },
      new AbortController().signal,
    );
    return await client.status();
  } finally {
    await device.close();
  }
}

const status = await exampleStatus();

test('formatServices has a line for each service, apps first', () => {
  const lines = stripVTControlCharacters(formatServices(status, undefined)).split('\n');
  assert.equal(lines.length, status.services.length + 1);
  assert.match(lines[0] ?? '', /^NAME +STATE +UPTIME +MEMORY +CPU +RESTARTS +LAST LINE$/);
  const kinds = lines
    .slice(1)
    .map((line) => status.services.find(({ name }) => line.startsWith(`${name} `))?.kind === 'system');
  assert.deepEqual(
    kinds,
    kinds.toSorted((a, b) => Number(a) - Number(b)),
  );
});

test('formatServices cuts lines to the width of the terminal', () => {
  const lines = stripVTControlCharacters(formatServices(status, 60)).split('\n');
  assert.ok(lines.every((line) => Array.from(line).length <= 60));
  assert.ok(lines.some((line) => line.endsWith('…')));
});

test('formatServices gives the reason of what does not run', () => {
  const [service] = status.services;
  assert.ok(service);
  const failed = {
    ...service,
    state: 'failed' as const,
    reason: 'exited with code 7',
    pid: null,
    lastLine: 'x',
  };
  const text = stripVTControlCharacters(formatServices({ ...status, services: [failed] }, undefined));
  assert.match(text, new RegExp(`^${service.name} +failed +- .* \\(exited with code 7\\) x$`, 'm'));
});

test('formatStatus says what a device is and what is wrong with it', () => {
  const text = stripVTControlCharacters(formatStatus(status, 'http://garden/', 'network'));
  assert.match(text, /^garden\n {2}Page +http:\/\/garden\/\n/);
  for (const part of [
    /Apps +\d+ running/,
    /Build +6f1c0a9be27d, tskrazy 0\.1\.0, slot a/,
    /Board +pc-amd64, Raspberry Pi 4 Model B Rev 1\.5, revision c03115, serial number 10000000abcdef01, Linux/,
    /Power +good$/m,
    /Disk +SD card SC32G of 08\/2023, 31\.9 GB \(\/dev\/mmcblk0\)$/m,
    /\/perm +\/dev\/vda4/,
  ]) {
    assert.match(text, part);
  }
  const system = {
    ...status.system,
    perm: { state: 'tmpfs', device: null, note: 'no such partition' } as const,
    warnings: ['something was passed over'],
  };
  const broken = stripVTControlCharacters(formatStatus({ ...status, system }, 'http://garden/', 'network'));
  assert.match(broken, /\/perm +in memory: lost at the next reboot \(no such partition\)/);
  assert.match(broken, / {2}Warning: something was passed over$/);
});

test('formatStatus says what starts, by which way trials do, and why there are none', () => {
  const known = exampleUpdateState();
  const updates: UpdateStatus = {
    ...known,
    slots: { a: null, b: null },
    session: null,
    trustedKeyIds: [],
    protocol: { version: 1, features: [] },
  };
  const text = (shown: Partial<UpdateStatus>): string =>
    stripVTControlCharacters(formatStatus(status, 'http://garden/', 'network', { ...updates, ...shown }));
  assert.match(text({ trialStart: 'tryboot' }), /^ {2}Starts +slot a; trials by tryboot$/m);
  const refused = text({ trialStart: null, trialProblem: 'The EEPROM is too old' });
  assert.match(refused, /^ {2}Starts +slot a; no way to try another build$/m);
  assert.match(refused, /^ {2}Updates +The EEPROM is too old$/m);
});

test('formatStatus names who can be reached from outside', () => {
  const ports = [
    { protocol: 'tcp', port: 80, service: 'web', addresses: ['::'] },
    { protocol: 'udp', port: 5353, service: 'net', addresses: ['0.0.0.0', '::'] },
    { protocol: 'tcp', port: 6379, service: 'store', addresses: ['127.0.0.1', '::1'] },
    { protocol: 'tcp', port: 8081, service: null, addresses: ['10.0.2.15'] },
  ] as const;
  const text = (shown: typeof ports | []): string =>
    stripVTControlCharacters(formatStatus(status, 'http://garden/', 'network', null, shown));
  assert.match(text(ports), /^ {2}Ports +TCP 80 web, UDP 5353 net, TCP 8081$/m);
  assert.doesNotMatch(text([]), /Ports/);
});

test('formatStatus tells what apps have installed by themselves, and what that means', () => {
  const installed = { count: 3, names: ['node-red-dashboard@3.6.6'], disabled: ['serialport@10.5.0'] };
  const services = status.services.map((service) =>
    service.name === 'camera'
      ? { ...service, installed }
      : { ...service, installed: { ...installed, count: 0 } },
  );
  const text = stripVTControlCharacters(formatStatus({ ...status, services }, 'http://x/', 'host'));
  assert.match(
    text,
    /^ {2}Packages +camera: node-red-dashboard@3\.6\.6 and 1 more; disabled: serialport@10\.5\.0\n +installed on the device: not part of the image, kept over updates, not rolled back\n {2}Up /m,
  );
});

test('formatStatus tells of a network that is tried, and of one that is not kept', () => {
  const shown = (wifi: WifiTrials): string | undefined =>
    stripVTControlCharacters(
      formatStatus({ ...status, system: { ...status.system, wifi } }, 'http://garden/', 'network'),
    )
      .split('\n')
      .find((line) => /^ +Wi-Fi /.test(line))
      ?.trim();
  const trial = { id: '0', ssid: 'lab', phase: 'joined' as const, endsAtMs: status.timeMs + 9000 };
  assert.match(shown({ trial, last: null }) ?? '', /^Wi-Fi +"lab" is being tried: the device is in it/);
  const last = { id: '0', ssid: 'lab', isKept: false, reason: 'is not in reach', endedAtMs: status.timeMs };
  assert.match(
    shown({ trial: null, last }) ?? '',
    /^Wi-Fi +"lab" was tried, and is not kept: it is not in reach$/,
  );
  assert.equal(shown({ trial: null, last: { ...last, endedAtMs: status.timeMs - 3_601_000 } }), undefined);
});
