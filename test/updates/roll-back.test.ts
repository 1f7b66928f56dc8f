// Updates that go wrong: they do not start, they start and are not well, or the power goes in the middle. The device is
// back on the old build by itself, says why, and takes the next update. One machine is booted and put aside. Two go on from
// there side by side, each with those cases that follow one another well; most of it is waiting.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openFat } from '../../src/formats/fat/volume.ts';
import { QmpClient } from '../../src/host/vm/qmp.ts';
import type { Follower } from '../support/cli/command-line.ts';
import { eventually } from '../support/machines/appliance.ts';
import { makeTarball, type NpmFixture } from '../support/builds/npm-instance.ts';
import { HOST_BOARD, HOST_BOARD_ID, UNGUARDED } from '../support/machines/host-board.ts';
import { LONG_VARIANT } from '../support/long-variants.ts';
import { requireTool } from '../support/require-tool.ts';
import { brokenRelease } from '../support/updates/broken-release.ts';
import { endsGarbage, garbageKernel } from '../support/updates/garbage-kernel.ts';
import { isBack, updateFails } from '../support/updates/failed-updates.ts';
import { refusesDuringTrial } from '../support/updates/refusals-on-device.ts';
import { SavedLab } from '../support/updates/saved-lab.ts';
import { DID_NOT_COME_UP, type UpdateLab } from '../support/updates/update-lab.ts';

/** Of a live trial: longer than the 30 s for which all must be well. Where the device restarts, trials have all their time. */
const TRIAL_SEC = 80;
const INIT = 'src/device/init/main.ts';
const TLS_FILES = 'src/host/build/tls-files.ts';
const HEADER_BYTES = 64 * 1024;
const BLOB_BYTES = 24 * 2 ** 20;
const LIVE_ARGUMENTS = [...UNGUARDED, `tskrazy.trial-sec=${TRIAL_SEC}`];

test('an update that goes wrong is taken back', { concurrency: true }, async (t) => {
  if (!requireTool(t, HOST_BOARD.qemuSystem)) return;
  const saved = await SavedLab.make(t, HOST_BOARD_ID, { kernelArgs: LIVE_ARGUMENTS });
  await Promise.all([
    t.test('on the device: apps, a client and a network', async (t) => {
      const lab = await saved.restore(t);
      await t.test('a program whose plugin throws', () => programThrows(lab));
      await t.test('a health URL that says 500', () => healthSays500(lab));
      await t.test('a client that never confirms', () => nobodyConfirms(lab));
      await t.test('a network that the new configuration breaks, and a certificate that is cut off', () =>
        networkAndCertificateBreak(lab),
      );
      await t.test('and the next good update works', () => nextWorks(lab));
    }),
    t.test('at its start', async (t) => {
      const lab = await saved.restore(t);
      await t.test('a kernel that is garbage, but signed', { skip: !endsGarbage(HOST_BOARD) }, () =>
        kernelIsGarbage(lab),
      );
      await t.test(
        'a kernel that the disk has spoiled since it was checked',
        { skip: endsGarbage(HOST_BOARD) && LONG_VARIANT },
        () => kernelIsSpoiled(lab),
      );
      await t.test('an init that throws at once', () => initThrows(lab));
      await t.test('an init that hangs', () => initHangs(lab));
      await t.test('and a power cut in the middle of the next update, which goes on where it was', (t) =>
        powerIsCut(lab, t),
      );
    }),
  ]);
});

/** A published program in place of our own, with a plugin that does not get on with it. */
async function programThrows(lab: UpdateLab): Promise<void> {
  const packages: Readonly<Record<string, NpmFixture>> = {
    hub: { json: { bin: 'hub.js' }, files: { 'hub.js': "require('hub-radio').start({});" } },
    'hub-radio': { files: { 'index.js': 'exports.start = ({ bus }) => bus.open();' } },
  };
  for (const [name, fixture] of Object.entries(packages))
    writeFileSync(join(lab.directory, `${name}.tgz`), await makeTarball(name, fixture));
  lab.configureSpeaker({ node: undefined, npm: './hub.tgz', plugins: ['./hub-radio.tgz'] });
  try {
    await updateFails(lab, {
      outcome: 'rolled back',
      mode: 'live',
      reason: /app speaker exited with code 1 three times in 30 s/,
      lastLines: { of: 'speaker', text: /TypeError: .* \(reading 'open'\)/ },
    });
  } finally {
    lab.configureSpeaker({});
  }
}

async function healthSays500(lab: UpdateLab): Promise<void> {
  lab.speak({ word: 'two', healthStatus: 500 });
  await updateFails(lab, {
    outcome: 'rolled back',
    mode: 'live',
    reason: /health of speaker.* 500/,
    lastLines: { of: 'speaker', text: /saying two/ },
  });
}

/** The laptop is closed as soon as the trial has begun. */
async function nobodyConfirms(lab: UpdateLab): Promise<void> {
  const before = await lab.runningBuild();
  lab.speak({ word: 'two' });
  const image = await lab.buildSigned();
  const client = lab.follow(['update']);
  await eventually('the trial', async () => {
    return client.exitCode !== null || (await lab.updateStatus()).trial !== null;
  });
  assert.equal(client.exitCode, null, client.stdout + client.stderr);
  await client.kill();
  await eventually('the app on trial', async () => (await lab.speaker()).word === 'two');
  await refusesDuringTrial(lab, image);
  const isOver = async (): Promise<boolean> => (await lab.updateStatus()).trial === null;
  await eventually('the end of the trial', isOver, 2 * TRIAL_SEC * 1000);
  await isBack(lab, before, {
    outcome: 'rolled back',
    mode: 'live',
    reason: new RegExp(`nobody confirmed within ${TRIAL_SEC} s`),
  });
}

/** The builder's checks of what it has made come before this; `tsk` could reach the device on trial, but not prove who it is. */
const CUT_OFF = 'const Buffer = { from: (text) => globalThis.Buffer.from(text.slice(0, -100)) };';

/** One trial finds both, so that it needs no machine twice. */
async function networkAndCertificateBreak(lab: UpdateLab): Promise<void> {
  lab.speak({});
  lab.configure({ network: { '*': { ipv4: 'off' } }, kernel: { extraArgs: UNGUARDED } });
  await updateFails(lab, {
    outcome: 'rolled back',
    mode: 'reboot',
    reason: /network: no IPv4 address with a router.*; the page over HTTPS: does not answer: ECONNRESET/,
    from: brokenRelease(lab, TLS_FILES, CUT_OFF),
  });
}

async function kernelIsGarbage(lab: UpdateLab): Promise<void> {
  lab.configure({ components: { kernel: { directory: await garbageKernel(lab) } } });
  await updateFails(lab, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP });
  lab.configure({ components: {} });
}

/** The device has been told to restart; nobody reads the kernel any more but the firmware. */
async function kernelIsSpoiled(lab: UpdateLab): Promise<void> {
  lab.configure({ kernel: { extraArgs: [...UNGUARDED, 'tskrazy.test=spoiled'] } });
  const before = await lab.runningBuild();
  const client = lab.follow(['update']);
  await eventually('the restart', async () => client.exitCode !== null || /Restarting/.test(client.stderr));
  await lab.withBootPartition(async (boot) => {
    const [first] = await (await openFat(boot)).extents(`${before.slot === 'a' ? 'b' : 'a'}/vmlinuz`);
    await boot.write(first!.offsetBytes, new Uint8Array(HEADER_BYTES));
  });
  if (HOST_BOARD.vmFirmware === null) await endWithPower(lab, client);
  else assert.equal(await client.ended, 1, client.stdout + client.stderr);
  await isBack(lab, before, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP });
}

/** QEMU has not the board's own firmware, of which no document says what it makes of such a kernel: it may stand still for ever. */
async function endWithPower(lab: UpdateLab, client: Follower): Promise<void> {
  const { pid } = lab.machine;
  await eventually('the start on trial', async () => lab.machine.pid !== pid);
  await lab.kill();
  await client.kill();
  await lab.boot();
}

/** Its kernel restarts 1 s after its panic: it waits in a loop. */
async function initThrows(lab: UpdateLab): Promise<void> {
  lab.configure({ kernel: { extraArgs: [...UNGUARDED, 'panic=1'] } });
  const from = brokenRelease(lab, INIT, `throw new Error('a broken release');`);
  await updateFails(lab, { outcome: 'did not start', mode: 'reboot', reason: DID_NOT_COME_UP, from });
}

/**
 * Once it has noted in /perm that the trial has started, by the id of its boot, which an emulated init takes a while to do.
 * The hardware watchdog ends it. It waits for what never comes, because a loop would keep a processor busy.
 */
const HANG = `
const { readFileSync } = process.getBuiltinModule('node:fs');
const isNoted = () =>
  readFileSync('/perm/tskrazy/updates.json', 'utf8').includes(
    readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
  );
setInterval(() => {
  try {
    if (!isNoted()) return;
  } catch {
    return;
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}, 100);
`;

async function initHangs(lab: UpdateLab): Promise<void> {
  lab.configure({ kernel: { extraArgs: UNGUARDED } });
  const from = brokenRelease(lab, INIT, HANG);
  await updateFails(lab, { outcome: 'rolled back', mode: 'reboot', reason: /it did not go on/, from });
}

/** For real. What a cut at any other moment leaves behind is tried in update.test.ts. */
async function powerIsCut(lab: UpdateLab, t: TestContext): Promise<void> {
  lab.configure({ kernel: { extraArgs: LIVE_ARGUMENTS } });
  const before = await lab.runningBuild();
  // Nothing of it can be compressed, and nothing of it is on the device.
  writeFileSync(join(lab.directory, 'blob'), randomBytes(BLOB_BYTES));
  lab.speak({ word: 'two' });
  lab.configureSpeaker({ include: [{ from: './blob', to: 'blob' }] });

  const client = lab.follow(['update']);
  const written = await bytesWritten(lab);
  await eventually('half of the update to be written', async () => {
    const isHalf = (await bytesWritten(lab)) - written > BLOB_BYTES / 2;
    return isHalf || client.exitCode !== null;
  });
  assert.equal(client.exitCode, null, client.stdout + client.stderr);
  await lab.kill();
  await client.kill();

  await lab.boot();
  assert.deepEqual(await lab.runningBuild(), before);
  const second = await lab.update();
  t.diagnostic(`sent after the cut: ${second.bytesSent} of about ${BLOB_BYTES} bytes`);
  assert.equal(second.outcome, 'confirmed');
  assert.ok(second.bytesSent < BLOB_BYTES * 0.75);
  assert.equal((await lab.speaker()).word, 'two');
}

/** To the disk, since the machine was started. */
async function bytesWritten(lab: UpdateLab): Promise<number> {
  const client = await QmpClient.connect(lab.machine.qmpSocketPath);
  try {
    const drives = (await client.execute('query-blockstats')) as {
      device: string;
      stats: { wr_bytes: number };
    }[];
    return drives.find(({ device }) => device === 'disk')!.stats.wr_bytes;
  } finally {
    client.close();
  }
}

async function nextWorks(lab: UpdateLab): Promise<void> {
  lab.configure({ network: {}, kernel: { extraArgs: LIVE_ARGUMENTS } });
  lab.speak({ word: 'two' });
  const { outcome } = await lab.update();
  assert.equal(outcome, 'confirmed');
  assert.equal((await lab.speaker()).word, 'two');
}
