// tsk update and tsk rollback, the real program, against a device that behaves as each test scripts it: what can go
// wrong on the way, and that each message says what to do.

import assert from 'node:assert/strict';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, suite, test } from 'node:test';
import type { UpdateResult } from '../../src/host/deploy/update/update-result.ts';
import { SourcePlaces } from '../../src/host/devices/source-places.ts';
import type { FakeUpdateDevice, Refusal } from '../support/updates/fake-update-device.ts';
import { BuiltGarden, UpdateGarden } from '../support/updates/update-garden.ts';

const built = await BuiltGarden.build();
after(() => built.remove());

function refusal(status: number, message: string, more: Record<string, unknown> = {}): Refusal[] {
  return [{ status, body: { error: { message }, ...more } }];
}

function refusalByCode(status: number, code: string): Refusal[] {
  return [{ status, body: { error: { code, message: 'In words that may change' } } }];
}

void suite('an update that cannot be', { concurrency: 2 }, () => {
  test('a wrong password, another board or name: nothing is sent', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device, cli } = garden;
    device.system = { ...device.system, board: 'pc-arm64' };
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": it is a pc-arm64, and the image is for pc-amd64\nHint: Is it the right device\?/,
    );
    device.system = { ...device.system, board: 'pc-amd64', hostname: 'shed' };
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "shed": the image is for "garden"\nHint: .* --allow-rename\./,
    );
    writeFileSync(join(cli.directory, '.tskrazy', 'password'), 'not that of the device\n');
    assert.match(
      await garden.fails('update'),
      /Error: Cannot log in to .*: the password in ".*\.tskrazy\/password" is wrong\nHint: /,
    );
    assert.deepEqual(garden.changes, []);
  });

  test('keys that the device does not trust are named, on both sides', async (t) => {
    const garden = await UpdateGarden.start(t, built, { trustedKeyIds: ['0123456789abcdef'] });
    const message = await garden.fails('update');
    const keys = `it trusts key 0123456789abcdef; this instance signs with key ${built.keyId}`;
    assert.ok(message.includes(`Error: Cannot update "garden": ${keys}\nHint: `), message);
    garden.device.status = { ...garden.device.status, trustedKeyIds: [] };
    assert.match(
      await garden.fails('update'),
      /the image that it runs trusts no key, so it takes no updates\nHint: .*tsk flash/,
    );
    assert.deepEqual(garden.changes, []);
  });

  test('what the device refuses is told in its words, with what to do', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.refusals.set(
      'POST update',
      refusal(422, 'The image has 90 MB, and the slot has room for 64 MB', { reason: 'layout' }),
    );
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": the image has 90 MB, and the slot has room for 64 MB\nHint: Make the image smaller/,
    );
    device.refusals.set('POST update', refusal(422, 'No trusted key has signed it', { reason: 'signature' }));
    assert.match(await garden.fails('update'), /this instance signs with key [0-9a-f]{16}\n/);
  });

  test('codes decide where a device has them, and an unknown one leaves it to the sentence', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { refusals } = garden.device;
    refusals.set('POST update', refusalByCode(422, 'image-signature'));
    assert.match(await garden.fails('update'), /this instance signs with key [0-9a-f]{16}\n/);
    refusals.set('POST update', refusalByCode(422, 'image-older'));
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": in words that may change\nHint: .*--allow-downgrade\. Nothing on it has changed\./,
    );
    refusals.set('POST update', refusalByCode(422, 'image-of-later'));
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": in words that may change\nHint: Nothing on it has changed\./,
    );
    refusals.set('POST update', refusalByCode(409, 'restart-first'));
    await garden.succeeds('update');
    assert.ok(garden.device.asked.includes('POST reboot'));
  });

  test('a device from before updates, one without a password, and a directory without one', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    garden.device.isOld = true;
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": it was built by a tsk that could not do that yet\nHint: .*"tsk flash"/,
    );
    const open = await UpdateGarden.start(t, built, { password: null });
    assert.match(
      await open.fails('update'),
      /Error: Cannot update "garden": it has no password, so nobody may change anything on it\nHint: .*"tsk flash"/,
    );
    rmSync(join(open.cli.directory, '.tskrazy', 'password'));
    assert.match(await open.fails('update'), /Cannot log in to "garden": there is no password in/);
    assert.ok(!existsSync(join(open.cli.directory, '.tskrazy', 'password')), 'a build has drawn one');
    assert.deepEqual([...garden.changes, ...open.changes], []);
  });

  test('who else updates the device, or has it try another build, is named', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    const session = {
      client: 'eva@desk',
      startedAtMs: Date.now(),
      lastHeardAtMs: Date.now(),
      buildId: 'f'.repeat(64),
    };
    device.refusals.set('POST update', refusal(409, 'Busy', { session }));
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": eva@desk does so since \d\d:\d\d \(build ffffffffffff\)\nHint: Wait/,
    );
    device.beginTrial([], { buildId: 'f'.repeat(64) });
    const message = await garden.fails('update');
    assert.match(
      message,
      /it tries build ffffffffffff since \d\d:\d\d, asked for by tsk on michael@laptop\nHint: /,
    );
    assert.match(
      message,
      /rolled back, which happens by itself at \d\d:\d\d\.\n"tsk rollback" ends it now\.\nMore: docs\/troubleshooting\.md#update-busy\n$/,
    );
  });

  test('a second tsk update in the same directory is refused, and the first goes on', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    garden.device.silentOn.add('PUT chunks');
    const first = garden.follow('update');
    await garden.device.untilAsked('PUT chunks');
    const second = await garden.fails('update');
    assert.match(
      second,
      /another tsk \(process \d+\) updates it from this directory since \d\d:\d\d\nHint: Wait/,
    );
    assert.equal(await first.interrupt(), 130);
  });

  test('a failure of the installation is told, and ends the session', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    garden.device.installEvents = [
      { event: 'failed', message: 'chunk 7 is other on the disk than it was sent' },
    ];
    assert.match(
      await garden.fails('update'),
      /Error: Cannot update "garden": chunk 7 is other on the disk than it was sent\nHint: It runs as before\./,
    );
    assert.equal(garden.changes.at(-1), 'DELETE session-1');
  });
});

void suite('an update that is interrupted', { concurrency: 2 }, () => {
  test('a lost connection, a restart of the device, a lost answer: it goes on, and sends nothing twice', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.chunks.missing = [0, 1, 2, 3, 4];
    device.chunks.breaks.push(1, 2);
    device.loses.add('POST try');
    let isCut = false;
    device.onRequest = (what) => {
      if (what !== 'POST install' || isCut) return;
      isCut = true;
      void device.restart();
    };
    const { code, stdout, stderr } = await garden.cli.tsk('update', '--host', device.address);
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Lost the connection to garden; waiting for it: connected again\n/);
    assert.match(stdout, /^garden now runs build/m);
    assert.deepEqual([...device.chunks.received], [0, 1, 2, 3, 4]);
    assert.equal(new Set(device.requests.map(({ client }) => client.id)).size, 1);
  });

  test('a device that has to restart first is restarted, and says why', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    const restartFirst = refusal(409, 'It has to restart first', { restartFirst: true });
    device.refusals.set('POST update', [...restartFirst]);
    assert.match(
      await garden.succeeds('update', '--dry-run'),
      /^ {2}garden has to restart first: since its last update went live it still uses the slot that this one is written to\.\n {2}What is to be sent, and .* is seen after that\.\nNothing was changed\.\n$/m,
    );
    assert.deepEqual(garden.changes, ['POST update']);
    device.asked.length = 0;
    device.refusals.set('POST update', [...restartFirst]);
    assert.match(
      await garden.succeeds('update'),
      /^garden has to restart first: since its last update went live it still .*\n.*\ngarden now runs build/ms,
    );
    assert.deepEqual(garden.changes.slice(0, 3), ['POST update', 'POST reboot', 'POST update']);
  });

  test('how long the restart takes that comes first is known from what the device tells of its start', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.startTime = { beforeKernelSec: null, untilPageSec: 17.2 };
    const restartFirst = (): void =>
      void device.refusals.set(
        'POST update',
        refusal(409, 'It has to restart first', { restartFirst: true }),
      );
    restartFirst();
    assert.match(
      await garden.succeeds('update', '--dry-run'),
      /^ {2}garden has to restart first, for about 18 s and what its firmware takes: since its last update went live /m,
    );
    restartFirst();
    const { plan } = JSON.parse(await garden.succeeds('update', '--dry-run', '--json')) as UpdateResult;
    assert.deepEqual(plan?.restartsFirst, { aboutSeconds: 18, withoutFirmware: true });
    device.startTime = { beforeKernelSec: 8.25, untilPageSec: 17.2 };
    restartFirst();
    assert.match(
      await garden.succeeds('update', '--dry-run'),
      /^ {2}garden has to restart first, for about 26 s: since /m,
    );
    assert.deepEqual(garden.changes, ['POST update', 'POST update', 'POST update']);
  });

  test('how long the restart that comes first takes is known from the last one', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    writeFileSync(
      join(garden.cli.directory, '.tskrazy', 'restart-times.json'),
      JSON.stringify({ [device.address]: 26 }),
    );
    device.mode = 'live';
    device.onTry = async () => device.beginTrial([]);
    device.refusals.set('POST update', refusal(409, 'It has to restart first', { restartFirst: true }));
    const { plan } = JSON.parse(await garden.succeeds('update', '--dry-run', '--json')) as UpdateResult;
    assert.deepEqual(
      [plan?.restartsFirst, plan?.mode, plan?.missingBytes, plan?.slot],
      [{ aboutSeconds: 26 }, null, null, 'a'],
    );
    device.refusals.set('POST update', refusal(409, 'It has to restart first', { restartFirst: true }));
    const said = await garden.succeeds('update');
    assert.match(said, /^garden has to restart first, for about 26 s: since /);
    assert.match(
      said,
      / to send, packed on the way, no further restart: only the apps that changed are switched$/m,
    );
    // Measured anew, and quicker than that.
    device.refusals.set('POST update', refusal(409, 'It has to restart first', { restartFirst: true }));
    device.status = { ...device.status, slots: { ...device.status.slots, b: null }, committed: 'a' };
    assert.doesNotMatch(await garden.succeeds('update', '--dry-run'), /for about 26 s/);
  });

  test('Ctrl-C says how things stand: nothing changed, kept for the next time, on trial', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.silentOn.add('GET status');
    const early = garden.follow('update');
    await device.untilAsked('GET status');
    assert.equal(await early.interrupt(), 130);
    assert.match(early.stderr, /^Error: Interrupted: nothing on garden has changed$/m);

    device.silentOn.clear();
    device.silentOn.add('PUT chunks');
    const sending = garden.follow('update');
    await device.untilAsked('PUT chunks');
    assert.equal(await sending.interrupt(), 130);
    assert.match(
      sending.stderr,
      /^Error: Interrupted: garden runs as before, and keeps what has arrived\nHint: Run "tsk update" again/m,
    );
    assert.equal(garden.changes.at(-1), 'DELETE session-1');

    device.silentOn.clear();
    device.onTry = async () => {
      await device.restart('b');
      device.beginTrial(['app irrigation has run for 2 s, not 30 s yet']);
      device.asked.length = 0;
    };
    const trying = garden.follow('update');
    await device.untilAsked('POST try');
    await device.settled();
    await device.untilAsked('GET update');
    await until(() => /Trying build/.test(trying.stderr));
    assert.equal(await trying.interrupt(), 130);
    assert.match(
      trying.stderr,
      /Interrupted: garden tries build \w+, and goes back to build 91cc00000000 by itself at \d\d:\d\d unless that is confirmed\nHint: Run "tsk update" again .*"tsk rollback" to end it now\.\n$/,
    );

    device.waitFor([]);
    assert.match(
      await garden.succeeds('update'),
      /^garden tries this build already\.\ngarden now runs build/,
    );
  });
});

void suite('an update that is rolled back', { concurrency: 2 }, () => {
  test('the reason, the last lines by source file, and where the log is', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.onTry = rollsBack;
    const { code, stdout, stderr } = await garden.cli.tsk('update', '--host', device.address);
    assert.equal(code, 1);
    assert.match(stdout, /to send, packed on the way, then a restart: the kernel changes\n$/);
    assert.match(
      stderr,
      /Error: garden rolled back to build 91cc00000000: app irrigation exited with code 1 three times in 30 s\n\nThe last lines of irrigation:\n {2}Error: dry\n {6}at irrigation\.ts:1:\d+\nHint: The whole log: tsk logs --boot -1 irrigation\nMore: docs\/troubleshooting\.md#rolled-back\n$/,
    );
  });

  test('as data: exit code 1, and one object', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    garden.device.onTry = rollsBack;
    const { code, stdout, stderr } = await garden.cli.tsk(
      'update',
      '--json',
      '--host',
      garden.device.address,
    );
    assert.deepEqual([code, stderr], [1, '']);
    const { outcome, reason, logs, buildId } = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(
      [outcome, reason, logs, buildId],
      ['rolled back', REASON, 'tsk logs --boot -1 irrigation', built.buildId],
    );
  });

  test('a build that left no trace of a start, and a device that keeps no history', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.onTry = async () => {
      device.beginTrial([]);
      await device.restart('a');
      device.endTrial('did not start', { reason: 'the device came back in the old slot', bootId: null });
    };
    assert.match(
      await garden.fails('update'),
      /garden is back on build 91cc00000000: build \w+ did not start: the device came back in the old slot\nHint: "tsk status"/,
    );
  });
});

const REASON = 'app irrigation exited with code 1 three times in 30 s';

/** Restarts the device into the new build, whose app crashes, and back. */
async function rollsBack(device: FakeUpdateDevice): Promise<void> {
  await device.restart('b');
  const failedBoot = device.bootId;
  device.beginTrial(['app irrigation is not running']);
  await device.restart('a');
  const boot = { buildId: built.buildId, slot: 'b', bootedAtMs: 0, end: null, logs: ['irrigation'] } as const;
  device.boots = [{ ...boot, boot: -1, id: failedBoot }];
  device.endTrial('rolled back', {
    reason: REASON,
    bootId: failedBoot,
    lastLines: { of: 'irrigation', lines: ['Error: dry', `    at ${placeInBundle()}`] },
  });
}

/** Of the one line of the app. */
function placeInBundle(): string {
  const places = new SourcePlaces(join(built.directory, '.tskrazy'), built.buildId);
  for (let line = 1; line < 1000; line += 1) {
    const place = `/app/irrigation/main.cjs:${line}:7`;
    if (places.map(place).startsWith('irrigation.ts:1:')) return place;
  }
  throw new Error('The bundle has no such line');
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await delay(20);
}
