// Devices that are treated badly: in each case PID 1 lives on, the page answers, and other apps notice nothing.

import assert from 'node:assert/strict';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { BootFile } from '../../src/host/build/boot-files.ts';
import {
  layOutDisk,
  MIN_DISK_BYTES,
  PERM_PARTITION,
  SECTOR_BYTES,
} from '../../src/shared/board/disk-layout.ts';
import { WEB_API, WEB_USER } from '../../src/shared/api/web-api.ts';
import { eventually } from '../support/machines/appliance.ts';
import {
  dripHeaders,
  neverRead,
  openIdle,
  pourBody,
  speakNoHttp,
  type WebAddress,
} from '../support/web/bad-web-clients.ts';
import { GarbageServer } from '../support/machines/dhcp-garbage.ts';
import { HOST_BOARD, UNGUARDED } from '../support/machines/host-board.ts';
import { ask } from '../support/web/http-ask.ts';
import {
  type BootOptions,
  type DiskOptions,
  PROBE_APP,
  ProbeDevice,
  ProbeDisk,
} from '../support/machines/probe-device.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';

const GIB = 1024 ** 3;

async function makeDisk(t: TestContext, options: DiskOptions): Promise<ProbeDisk> {
  const disk = await ProbeDisk.make({ ...options, kernelArgs: UNGUARDED });
  t.after(() => disk.remove());
  return disk;
}

async function boot(t: TestContext, disk: ProbeDisk, options: BootOptions = {}): Promise<ProbeDevice> {
  const device = await ProbeDevice.boot(disk, options);
  t.after(() => device.stop());
  await device.probeAnswers();
  return device;
}

/** The kernel is that of the boot, nothing of ours has been started again, and all answer. */
class Survival {
  readonly #device: ProbeDevice;
  #bootId = '';

  private constructor(device: ProbeDevice) {
    this.#device = device;
  }

  static async of(device: ProbeDevice): Promise<Survival> {
    const survival = new Survival(device);
    survival.#bootId = (await device.status()).bootId;
    return survival;
  }

  async check(after: string): Promise<void> {
    const { bootId, services, network } = await this.#device.status();
    assert.equal(bootId, this.#bootId, `after ${after}: still the same boot`);
    for (const name of ['net', 'web', 'probe']) {
      const service = services.find((each) => each.name === name);
      assert.deepEqual([service?.state, service?.startCount], ['running', 1], `after ${after}: ${name}`);
    }
    assert.equal(network?.online, true, `after ${after}: online`);
    const page = await fetch(this.#device.pageUrl);
    assert.match(await page.text(), /<!doctype html>/i);
    await this.#device.probeAnswers();
  }
}

/** The boot loader's entries without the word that names the slot. */
function withoutSlot(files: readonly BootFile[]): BootFile[] {
  return files.map(({ path, content }) => {
    if (!path.startsWith('loader/entries/') || content.kind !== 'bytes') return { path, content };
    const text = Buffer.from(content.bytes)
      .toString()
      .replace(/ tskrazy\.slot=\w/, '');
    return { path, content: { kind: 'bytes', bytes: Buffer.from(text) } };
  });
}

const FOREIGN = Buffer.from('LUKS\xba\xbe\0\x02 precious', 'latin1');

function permOffset(diskBytes: number): number {
  const perm = layOutDisk(diskBytes).partitions[PERM_PARTITION - 1];
  assert.ok(perm);
  return perm.firstSector * SECTOR_BYTES;
}

test('no slot, a foreign /perm, a crash, a flood, garbage from a DHCP server, wrong passwords', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const disk = await makeDisk(t, {
    apps: {
      probe: PROBE_APP,
      crasher: { source: 'crasher.ts' },
      endless: { source: 'endless.ts', autostart: false },
    },
    diskBytes: 2 * GIB,
    alterImage: (image) => ({ ...image, loaderFiles: withoutSlot(image.loaderFiles) }),
  });
  const fd = openSync(disk.path, 'r+');
  t.after(() => closeSync(fd));
  writeSync(fd, FOREIGN, 0, FOREIGN.length, permOffset(2 * GIB));
  const lab = await GarbageServer.open(4);
  t.after(() => lab.close());
  const device = await boot(t, disk, { extraQemuArgs: lab.qemuArgs });
  const survival = await Survival.of(device);

  await t.test('a kernel command line without a slot', async () => {
    const { system } = await device.status();
    assert.equal(system.slot, null);
    await survival.check('a boot without a slot');
  });

  await t.test('a /perm that holds something else', async () => {
    const { system } = await device.status();
    assert.equal(system.perm.state, 'tmpfs');
    assert.match(system.warnings.join('\n'), /PERM IS IN MEMORY.*LUKS/);
    assert.match(device.console(), /PERM IS IN MEMORY/);
    const content = Buffer.alloc(FOREIGN.length);
    readSync(fd, content, 0, content.length, permOffset(2 * GIB));
    assert.deepEqual(content, FOREIGN);
  });

  await t.test('an app that crashes at once', async () => {
    await eventually(
      'the crasher to have crashed twice',
      async () => (await device.service('crasher')).startCount > 2,
    );
    assert.equal((await device.service('crasher')).lastExit?.code, 1);
    await survival.check('crashes');
  });

  await t.test('100 MB of log without a newline', async () => {
    const initFigures = async () => (await device.figures()).processes.find(({ pid }) => pid === 1);
    const before = await initFigures();
    await device.act('endless', 'start');
    await eventually(
      'all to be written',
      async () => (await device.service('endless')).lastLine === 'written',
    );
    // The slower the machine, the less is more than what the app may write.
    assert.ok((await droppedMiB(device)) > 0);
    await survival.check('a flood');
    const during = await initFigures();
    assert.ok(before && during);
    const grown = during.privateKiB - before.privateKiB;
    assert.ok(grown < 30 * 1024, `init has grown by ${grown} KiB`);
  });

  await t.test('a DHCP server that answers garbage', async () => {
    await eventually('the device to ask for an address', async () => lab.wasAsked);
    const before = await receivedBytes(device);
    // Some are lost on the way, more on a busy machine.
    const end = Date.now() + 3 * 60_000;
    let frames = 0;
    while (frames < 100_000 && Date.now() < end) {
      for (let burst = 0; burst < 50; burst++) {
        lab.send(200);
        await delay(10);
      }
      frames = Math.floor(((await receivedBytes(device)) - before) / lab.frameBytes);
    }
    t.diagnostic(`${frames} frames of garbage arrived`);
    assert.ok(frames >= 100_000, `${frames} frames arrived`);
    await survival.check('garbage');
    const { network } = await device.status();
    assert.ok(
      network?.interfaces.every(({ addresses }) => !addresses.some((each) => each.startsWith('10.77.'))),
    );
  });

  await t.test('1,000 wrong passwords', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async (_, guesser) => {
        const seen: number[] = [];
        for (let guess = 0; guess < 50; guess++)
          seen.push(await guessPassword(device, `${guesser}-${guess}`));
        return seen;
      }),
    );
    const counts = Object.groupBy(statuses.flat(), String);
    // A device that is starved gives up some connections before it has read what they asked.
    delete counts['408'];
    assert.deepEqual(Object.keys(counts).toSorted(), ['401', '429']);
    assert.ok((counts['401']?.length ?? 0) < 80, `${counts['401']?.length} were looked at`);
    await survival.check('guessing');
  });

  await t.test('clients that speak too slowly, too much, nonsense or not at all', async () => {
    await treatWebBadly(device, survival);
  });
  assert.equal(await device.stop(), 'powered-off');
});

async function treatWebBadly(device: ProbeDevice, survival: Survival): Promise<void> {
  const { hostname: host, port } = new URL(device.pageUrl);
  const address: WebAddress = { host, port: Number(port), authorization: device.authorization };
  // Dripping headers takes its time, by design; meanwhile the others come.
  const slow = dripHeaders(address);
  await speakNoHttp(address);
  await survival.check('what is no HTTP');
  const sent = await pourBody(address, GIB);
  assert.ok(sent < GIB, `${sent} bytes of a body were taken`);
  await survival.check('an endless body');
  const idle = await openIdle(address, 1000);
  await survival.check('1,000 idle connections');
  for (const socket of idle) socket.destroy();
  await device.act('endless', 'restart');
  await neverRead(
    address,
    WEB_API.log('endless', { follow: true }),
    async () => (await device.service('endless')).lastLine === 'written',
  );
  await survival.check('one that never reads');
  for (const path of ['/..%2f..%2fetc/tskrazy/device.json', '/assets/..%2f..%2f..%2ftsk%2fweb.cjs']) {
    const { status } = await ask(device.pageUrl, path);
    assert.equal(status, 404, path);
  }
  assert.match(await slow, /^HTTP\/1.1 408 |^$/);
  await survival.check('slow headers');
}

test('a full /perm', async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const apps = { probe: PROBE_APP, filler: { source: 'filler.ts' } };
  const disk = await makeDisk(t, { apps, diskBytes: MIN_DISK_BYTES });
  const device = await boot(t, disk);
  await eventually('/perm to be full', async () => (await device.service('filler')).lastLine === 'full');
  const { usage } = await device.status();
  assert.equal(usage.disks.find(({ mountPoint }) => mountPoint === '/perm')?.availableBytes, 0);
  await (await Survival.of(device)).check('filling /perm');
  // net keeps its lease in /perm.
  await device.act('net', 'restart');
  await eventually('the network to be back', async () => (await device.status()).network?.online);
  assert.equal(await device.stop(), 'powered-off');

  await t.test('and then its medium is read-only', { skip: LONG_VARIANT }, (t) => isReadOnly(t, disk));
});

async function isReadOnly(t: TestContext, disk: ProbeDisk): Promise<void> {
  const device = await boot(t, disk, { extraQemuArgs: ['-set', 'drive.disk.readonly=on'] });
  const { system } = await device.status();
  assert.equal(system.perm.state, 'tmpfs');
  assert.match(system.warnings.join('\n'), /PERM IS IN MEMORY.*its medium is read-only/);
  await (await Survival.of(device)).check('a boot from a read-only medium');
  assert.equal(await device.stop(), 'powered-off');
}

async function droppedMiB(device: ProbeDevice): Promise<number> {
  const lines = await device.logLines('endless', 1000);
  return lines
    .filter(({ stream }) => stream === 'init')
    .reduce((sum, { text }) => sum + Number(/dropped ([\d.]+) MiB/.exec(text)?.[1] ?? 0), 0);
}

/** By the network card that gets nothing but garbage. */
async function receivedBytes(device: ProbeDevice): Promise<number> {
  const { network, usage } = await device.status();
  const lab = network?.interfaces.find(({ gateways }) => gateways.length === 0);
  return usage.traffic.find(({ interfaceName }) => interfaceName === lab?.name)?.receivedBytes ?? Number.NaN;
}

async function guessPassword(device: ProbeDevice, guess: string): Promise<number> {
  const authorization = `Basic ${Buffer.from(`${WEB_USER}:${guess}`).toString('base64')}`;
  const response = await fetch(new URL(WEB_API.status, device.pageUrl), { headers: { authorization } });
  await response.arrayBuffer();
  return response.status;
}
