// The update client within this process, for what would take too long with the limits of the real program.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { ensureIdentity } from '../../src/host/config/identity/device-identity.ts';
import { openInstance } from '../../src/host/config/instance.ts';
import { DeviceLink } from '../../src/host/deploy/update/device-link.ts';
import { UpdateContext, type UpdateLimits } from '../../src/host/deploy/update/update-context.ts';
import {
  updateDevice,
  type UpdateImage,
  type UpdateOptions,
} from '../../src/host/deploy/update/update-device.ts';
import type { UpdateResult } from '../../src/host/deploy/update/update-result.ts';
import { type ProgressReporter, silentProgress } from '../../src/host/progress.ts';
import { recordVm } from '../../src/host/vm/vm-registry.ts';
import type { Manifest } from '../../src/shared/manifest/manifest.ts';
import { formatSignatures, parseSignatures } from '../../src/shared/manifest/manifest-signature.ts';
import type { SlotContent } from '../../src/shared/update/update-api.ts';
import { FakeUpdateDevice, trialThatIsWell } from '../support/updates/fake-update-device.ts';
import { freePort } from '../support/network/free-port.ts';

// No machines of the person who runs the tests.
const state = mkdtempSync(join(tmpdir(), 'tsk-state-'));
after(() => rmSync(state, { recursive: true }));
process.env['XDG_STATE_HOME'] = state;

const KEY = '0123456789abcdef';
const COMMON = { hostname: 'garden', tskrazyVersion: '0.1.0', components: {}, apps: [] } as const;

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function makeImage(directory: string, buildTimeSec: number): UpdateImage {
  const chunks = Array.from({ length: 3 }, () => randomBytes(64));
  const rootImagePath = join(directory, 'root.img');
  writeFileSync(rootImagePath, Buffer.concat(chunks));
  const manifest: Manifest = {
    ...COMMON,
    formatVersion: 1,
    buildId: 'f'.repeat(64),
    board: 'pc-amd64',
    arch: 'amd64',
    buildTimeSec,
    kernelArgs: [],
    systemSha256: '',
    bootFiles: [],
    root: {
      sizeBytes: 192,
      sha256: '',
      chunks: chunks.map((bytes) => ({ lengthBytes: 64, sha256: hash(bytes) })),
    },
    minLayout: { rootPartitionBytes: 0, bootPartitionBytes: 0 },
  };
  const signatures = [{ keyId: KEY, signature: `${'A'.repeat(86)}==` }];
  return {
    manifest,
    manifestBytes: Buffer.from(JSON.stringify(manifest)),
    sign: (signedAtSec) => formatSignatures({ formatVersion: 1, signedAtSec, signatures }),
    rootImagePath,
    bootFiles: [],
  };
}

class Lab {
  readonly device: FakeUpdateDevice;
  readonly link: DeviceLink;
  readonly signal: AbortSignal;
  readonly directory: string;

  private constructor(device: FakeUpdateDevice, link: DeviceLink, directory: string, signal: AbortSignal) {
    this.device = device;
    this.link = link;
    this.directory = directory;
    this.signal = signal;
  }

  /** `showsLife`: whether a device that does not answer is there. */
  static async start(
    t: TestContext,
    find: 'by address' | 'as virtual machine',
    showsLife: () => Promise<boolean> = async () => false,
  ): Promise<Lab> {
    const directory = mkdtempSync(join(tmpdir(), 'tsk-client-'));
    t.after(() => rmSync(directory, { recursive: true, force: true }));
    writeFileSync(
      join(directory, 'tskrazy.json'),
      '{ "hostname": "garden", "board": "pc-amd64", "web": { "tls": "off" } }',
    );
    mkdirSync(join(directory, '.tskrazy'));
    writeFileSync(join(directory, '.tskrazy', 'password'), 'demo');
    const running: SlotContent = { ...COMMON, buildId: 'e'.repeat(64), buildTimeSec: 0, signedAtSec: 0 };
    const device = await FakeUpdateDevice.start(t, { password: 'demo', running, trustedKeyIds: [KEY] });
    const instance = await openInstance(directory);
    const { signal } = new AbortController();
    if (find === 'as virtual machine') await recordDevice(directory, device);
    const host = find === 'by address' ? device.address : undefined;
    const link = await DeviceLink.open({
      instance,
      host,
      signal,
      warn: () => undefined,
      searchEveryMs: 1000,
      showsLife,
    });
    return new Lab(device, link, directory, signal);
  }

  update(
    limits: Partial<UpdateLimits>,
    buildTimeSec = 0,
    more: Partial<UpdateOptions> = {},
    report: ProgressReporter = silentProgress,
  ): Promise<UpdateResult> {
    const context = new UpdateContext({
      link: this.link,
      client: { id: 'x', name: 'michael@laptop' },
      report,
      say: () => undefined,
      signal: this.signal,
      limits: { pollMs: 20, ...limits },
    });
    return updateDevice(context, {
      image: makeImage(this.directory, buildTimeSec),
      confirmBy: 'client',
      forceReboot: false,
      allowDowngrade: false,
      allowRename: false,
      dryRun: false,
      onPlan: () => undefined,
      ...more,
    });
  }
}

/** The registry wants a process that lives and has the socket's path on its command line: that of this test. */
async function recordDevice(directory: string, device: FakeUpdateDevice): Promise<void> {
  await recordVm({
    name: 'garden',
    instanceDirectory: directory,
    board: 'pc-amd64',
    pid: process.pid,
    qmpSocketPath: 'update-client.test.ts',
    consolePath: '',
    url: `http://${device.address}/`,
    temporaryDiskPath: null,
    ports: [],
    startedAtMs: 0,
  });
}

test('who cannot be reached again is given up, and what to do is said', async (t) => {
  const lab = await Lab.start(t, 'by address');
  lab.device.onRequest = (what) => {
    if (what === 'PUT chunks') void lab.device.goAway();
  };
  await assert.rejects(lab.update({ lostMs: 600 }), {
    message: 'Cannot go on with the update of "garden": no answer for 1 s',
    hint: /^It runs as before\. "tsk update" goes on from here/,
  });
});

test('a device that is silent for too long, but there, is waited for on', async (t) => {
  let looks = 0;
  const lab: Lab = await Lab.start(t, 'by address', async () => {
    looks += 1;
    if (looks === 1) await lab.device.restart();
    return true;
  });
  lab.device.chunks.breaks.push(1);
  lab.device.onRequest = (what) => {
    if (what !== 'PUT chunks') return;
    lab.device.onRequest = () => undefined;
    void lab.device.goAway();
  };
  assert.equal((await lab.update({ lostMs: 600 })).outcome, 'confirmed');
  assert.ok(looks > 0);
});

test('a live trial is told of before the device has said how it goes', async (t) => {
  const lab = await Lab.start(t, 'by address');
  const { device } = lab;
  device.mode = 'live';
  const told: string[] = [];
  let isTold: boolean | undefined;
  device.onTry = async () => {
    device.beginTrial([]);
    device.onRequest = (what) => {
      if (what === 'GET update') isTold ??= told.some((step) => step.startsWith('Trying build'));
    };
  };
  const report: ProgressReporter = {
    start: (what, totalBytes) => {
      told.push(what);
      return silentProgress.start(what, totalBytes);
    },
  };
  assert.equal((await lab.update({}, 0, {}, report)).outcome, 'confirmed');
  assert.equal(isTold, true);
});

test('a device that does not come back from its restart', async (t) => {
  const lab = await Lab.start(t, 'by address');
  lab.device.onTry = (device) => device.goAway();
  await assert.rejects(lab.update({ awayMs: 600 }), {
    message: 'Cannot see "garden" come back: no answer for 1 s',
    hint: /rolled back by itself: look again with "tsk status"/,
  });
});

test('a device that is back on the old build and has kept no record of a trial', async (t) => {
  const lab = await Lab.start(t, 'by address');
  lab.device.onTry = (device) => device.restart('a');
  const { outcome, record, reason } = await lab.update({ recordMs: 200 });
  assert.deepEqual([outcome, record, reason], ['rolled back', null, null]);
});

test('a device that is back under another address is found by what names it', async (t) => {
  const lab = await Lab.start(t, 'as virtual machine');
  const { address } = lab.device;
  lab.device.onTry = async (device) => {
    await device.move();
    await recordDevice(lab.directory, device);
    await trialThatIsWell(device);
  };
  const { outcome, secondsWithoutService } = await lab.update({});
  assert.equal(outcome, 'confirmed');
  assert.ok(Number(secondsWithoutService) > 0);
  assert.notEqual(lab.device.address, address);
});

test('an image is signed at the present, but never before it was built', async (t) => {
  const nowSec = Math.floor(Date.now() / 1000);
  for (const buildTimeSec of [0, nowSec + 3600]) {
    const lab = await Lab.start(t, 'by address');
    lab.device.mode = 'live';
    lab.device.onTry = async (device) => device.beginTrial([]);
    await lab.update({}, buildTimeSec);
    const [request] = lab.device.requests;
    const { signedAtSec } = parseSignatures(Buffer.from(request?.signatures ?? ''));
    assert.ok(signedAtSec >= Math.max(nowSec, buildTimeSec), `${buildTimeSec}: ${signedAtSec}`);
  }
});

test('a manifest that the device has lost meanwhile is not packed against', async (t) => {
  const lab = await Lab.start(t, 'by address');
  lab.device.mode = 'live';
  lab.device.onTry = async (device) => device.beginTrial([]);
  const sha256 = '0'.repeat(64);
  const { protocol, slots } = lab.device.status;
  lab.device.status = {
    ...lab.device.status,
    protocol: { ...protocol, features: [...protocol.features, 'manifest-dictionary'] },
    slots: { ...slots, a: slots.a && { ...slots.a, manifestSha256: sha256 } },
  };
  const asked: (readonly string[])[] = [];
  const findManifest: UpdateOptions['findManifest'] = async (sha256s) => {
    asked.push(sha256s);
    return { sha256, manifest: Buffer.from('{"of":"before"}') };
  };
  assert.equal((await lab.update({}, 0, { findManifest })).outcome, 'confirmed');
  assert.deepEqual(asked, [[sha256]]);
  assert.equal(lab.device.asked.filter((what) => what === 'POST update').length, 2);
});

test('a device in clear that has TLS by this very update is followed there, and confirmed by it', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tsk-client-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const running: SlotContent = { ...COMMON, buildId: 'e'.repeat(64), buildTimeSec: 0, signedAtSec: 0 };
  const device = await FakeUpdateDevice.start(t, { password: 'demo', running, trustedKeyIds: [KEY] });
  const [port, tlsPort] = [Number(device.address.split(':')[1]), await freePort()];
  const config = { hostname: 'garden', board: 'pc-amd64', web: { port, tlsPort } };
  writeFileSync(join(directory, 'tskrazy.json'), JSON.stringify(config));
  mkdirSync(join(directory, '.tskrazy'));
  writeFileSync(join(directory, '.tskrazy', 'password'), 'demo');
  const instance = await openInstance(directory);
  const identity = await ensureIdentity(instance, { notice: () => undefined });
  device.onTry = async () => {
    await device.goAway();
    await device.beginTls(identity.device, tlsPort);
    await device.restart('b');
    device.beginTrial([]);
  };
  const { signal } = new AbortController();
  const open = (insecureHttp: boolean): Promise<DeviceLink> =>
    DeviceLink.open({ instance, host: `127.0.0.1:${port}`, insecureHttp, signal, warn: () => undefined });
  await assert.rejects(open(false), { hint: /--insecure-http: this time only/ });
  assert.deepEqual(device.asked, []);
  const link = await open(true);
  const context = new UpdateContext({
    link,
    client: { id: 'x', name: 'michael@laptop' },
    report: silentProgress,
    say: () => undefined,
    signal,
    limits: { pollMs: 20 },
  });
  const { outcome } = await updateDevice(context, {
    image: makeImage(directory, 0),
    confirmBy: 'client',
    forceReboot: false,
    allowDowngrade: true,
    allowRename: false,
    dryRun: false,
    onPlan: () => undefined,
  });
  assert.equal(outcome, 'confirmed');
  // One of 0.1 knows of no signed permissions, and takes the client's word.
  assert.equal(device.requests[0]?.allowDowngrade, true);
  assert.equal(link.client.device.addresses[0]?.tls, true);
});
