// tsk update and tsk rollback, the real program, against a device that behaves as each test scripts it: when all goes
// well. Updates of real devices are in test/updates.

import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { after, suite, test } from 'node:test';
import { parseSignatures } from '../../src/shared/manifest/manifest-signature.ts';
import { BuiltGarden, OLD_BUILD, UpdateGarden } from '../support/updates/update-garden.ts';

const built = await BuiltGarden.build();
after(() => built.remove());

void suite('updating a device', { concurrency: 2 }, () => {
  test('tsk update says what changes, sends what is missing, waits, confirms, and says so', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { code, stdout, stderr } = await garden.cli.tsk('update', '--host', garden.device.address);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^garden: build 91cc00000000 -> ${built.shortId}$`, 'm'));
    assert.match(stdout, /^ {2}tskrazy +0\.0\.9 -> \d/m);
    assert.match(stdout, /^ {2}kernel +6\.0\.1 -> v/m);
    assert.match(stdout, /^ {2}camera +app gone$/m);
    assert.match(stdout, /^ {2}irrigation +app changed$/m);
    assert.match(stdout, /^ {2}[\d.]+ k?B to send, packed on the way, then a restart: the kernel changes$/m);
    const end = `^garden now runs build ${built.shortId} \\(was 91cc00000000\\), [\\d.]+ k?B sent, \\d+\\.\\d s without service\\.$`;
    assert.match(stdout, new RegExp(end, 'm'));
    const steps = [
      'Sending 3 chunks',
      'Writing the root image',
      'Writing the boot files',
      'Reading everything back',
    ];
    assert.match(stderr, new RegExp([...steps, 'Restarting garden', 'Trying build'].join('.*\n'), 's'));
    assert.deepEqual([...garden.device.chunks.received], [0, 1, 2]);
    assert.equal(garden.device.status.committed, 'b');
    assert.match(garden.device.requests[0]?.client.name ?? '', /^.+@.+$/);
  });

  test('tsk update --json gives one object with the figures', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const result = JSON.parse(await garden.succeeds('update', '--json', '--force-reboot')) as Record<
      string,
      unknown
    >;
    const { secondsWithoutService, bytesSent, plan, record, ...rest } = result;
    assert.ok(Number(secondsWithoutService) > 0.2 && Number(bytesSent) > 1000 && plan && record);
    assert.deepEqual(rest, {
      hostname: 'garden',
      buildId: built.buildId,
      fromBuildId: OLD_BUILD,
      outcome: 'confirmed',
      mode: 'reboot',
      reason: null,
      bytesWritten: 4096,
    });
    assert.equal(garden.device.requests[0]?.forceReboot, true);
  });

  test('tsk update --dry-run says what would happen and ends its session', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const stdout = await garden.succeeds('update', '--dry-run');
    assert.match(
      stdout,
      /irrigation +app changed\n.* to send, packed on the way, then a restart: .*\nNothing was changed\.\n$/,
    );
    assert.deepEqual(garden.changes, ['POST update', 'DELETE session-1']);
  });

  test('tsk update --no-confirm leaves the rest to the device', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const stdout = await garden.succeeds('update', '--no-confirm');
    assert.match(
      stdout,
      /garden tries build .*, and confirms it by itself when it is well\.\n"tsk status" shows/,
    );
    await garden.device.settled();
    assert.ok(!garden.changes.includes('POST confirm'));
  });

  test('a build that runs already is not sent; one that is on trial is waited for and confirmed', async (t) => {
    const garden = await UpdateGarden.start(t, built, { running: built.newContent() });
    assert.match(
      await garden.succeeds('update'),
      new RegExp(`^garden runs this build already \\(${built.shortId}\\)\\.\n$`),
    );
    assert.deepEqual(garden.changes, []);

    const other = await UpdateGarden.start(t, built);
    const { device } = other;
    device.status = {
      ...device.status,
      running: 'b',
      slots: { ...device.status.slots, b: built.newContent() },
    };
    device.beginTrial([]);
    assert.match(
      await other.succeeds('update'),
      /^garden tries this build already\.\ngarden now runs build \w+ \(was 91cc00000000\), \d+ B sent\.\n$/,
    );
    assert.deepEqual(other.changes, ['POST confirm']);
  });

  test('an app that was not well before, and still is not, is named', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    const stillUnwell = ['app camera exited with code 1'];
    device.onTry = async () => {
      await device.restart('b');
      device.beginTrial(['the services have run for 2 of 30 s'], { stillUnwell });
      assert.match(
        await garden.succeeds('status'),
        /; waits for: the services .*; not well, as before: app camera exited with code 1$/m,
      );
      device.waitFor([]);
    };
    assert.match(
      await garden.succeeds('update'),
      /^garden now runs build .*\nStill not well, as before the update: app camera exited with code 1\.$/m,
    );
    assert.match(
      await garden.succeeds('status'),
      /^ {2}Updates .* confirmed \(.*\); not well, as before: app camera exited with code 1$/m,
    );
  });

  test('only the apps that changed are away during a live switch, and their absence is measured', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.mode = 'live';
    device.changedApps = ['irrigation', 'camera'];
    device.onTry = async () => {
      device.beginTrial(['app irrigation starts']);
      device.changeService('irrigation', { state: 'stopping' });
      await delay(400);
      device.changeService('irrigation', { state: 'running' });
      device.waitFor([]);
    };
    const result = JSON.parse(await garden.succeeds('update', '--json')) as Record<string, unknown>;
    assert.equal(result['mode'], 'live');
    assert.ok(Number(result['secondsWithoutService']) >= 0.3, String(result['secondsWithoutService']));
  });

  test('a device of another name is updated if that is meant', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.system = { ...device.system, hostname: 'shed' };
    assert.match(await garden.succeeds('update', '--allow-rename', '--dry-run'), /^shed: build/);
    assert.equal(device.requests[0]?.allowRename, true);
  });

  test('to a device that knows signed permissions nothing is said unsigned', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.system = { ...device.system, hostname: 'shed' };
    const { protocol } = device.status;
    const features = [...protocol.features, 'signed-permissions'];
    device.status = {
      ...device.status,
      protocol: { ...protocol, features },
      newestSignedAtSec: 4_000_000_000,
    };
    assert.match(await garden.fails('update', '--allow-rename', '--dry-run'), /newest that it has confirmed/);
    await garden.succeeds('update', '--allow-rename', '--allow-downgrade', '--dry-run');
    const [request] = device.requests;
    assert.deepEqual([request?.allowRename, request?.allowDowngrade], [undefined, undefined]);
    const { permissions } = parseSignatures(Buffer.from(request?.signatures ?? ''));
    assert.deepEqual([permissions?.renameFrom, permissions?.downgradeFromSec], ['shed', 4_000_000_000]);
    assert.equal(permissions?.signatures.length, 1);
  });
});

void suite('going back by hand', { concurrency: 2 }, () => {
  test('tsk rollback has the other slot tried, and waits until the device has confirmed it', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.status = { ...device.status, slots: { ...device.status.slots, b: built.newContent() } };
    device.onRollback = async () => {
      await device.restart('b');
      device.beginTrial([], { confirmBy: 'device' });
      device.onRequest = (what) => what === 'GET update' && device.endTrial('confirmed');
    };
    const stdout = await garden.succeeds('rollback');
    assert.match(stdout, new RegExp(`^garden: build 91cc00000000 -> ${built.shortId}\\n`));
    assert.match(
      stdout,
      new RegExp(
        `^garden now runs build ${built.shortId} \\(was 91cc00000000\\), .* without service\\.$`,
        'm',
      ),
    );
    assert.deepEqual(garden.changes, ['POST rollback']);
  });

  test('Ctrl-C while it goes back says so', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.status = { ...device.status, slots: { ...device.status.slots, b: built.newContent() } };
    device.onRollback = () => device.goAway();
    const going = garden.follow('rollback');
    await device.untilAsked('POST rollback');
    await device.settled();
    assert.equal(await going.interrupt(), 130);
    assert.match(
      going.stderr,
      new RegExp(`^Error: Interrupted: garden was asked to go back to build ${built.shortId}$`, 'm'),
    );
  });

  test('during a trial it ends that', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.status = {
      ...device.status,
      running: 'b',
      slots: { ...device.status.slots, b: built.newContent() },
    };
    device.beginTrial([]);
    device.onRollback = async () => {
      await device.restart('a');
      device.endTrial('rolled back', { reason: 'rolled back by michael@laptop' });
    };
    assert.match(
      await garden.succeeds('rollback'),
      /^ {2}Ends the trial of a build that is not confirmed yet\ngarden runs build 91cc00000000 again; the trial of build \w+ is over, /m,
    );
  });

  test('there is nothing to go back to before the first update, or after one that failed', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    assert.match(
      await garden.fails('rollback'),
      /Cannot roll back "garden": slot b has no build that could be started\nHint: /,
    );
    device.status = { ...device.status, slots: { ...device.status.slots, b: built.newContent() } };
    device.beginTrial([]);
    device.endTrial('rolled back', { reason: 'app x failed' });
    assert.match(
      await garden.fails('rollback'),
      /build \w+ in its other slot was rolled back itself: app x failed\nHint: /,
    );
    assert.deepEqual(garden.changes, []);
  });

  test('tsk status shows slots, trial, session and history, and all of it as data', async (t) => {
    const garden = await UpdateGarden.start(t, built);
    const { device } = garden;
    device.status = { ...device.status, slots: { ...device.status.slots, b: built.newContent() } };
    device.beginTrial([]);
    device.endTrial('rolled back', { reason: 'app x failed' });
    device.beginTrial(['app y starts'], { id: 'trial-2' });
    const text = await garden.succeeds('status');
    assert.match(text, /^ {2}Slot a +build 91cc00000000, tskrazy 0\.0\.9: runs, committed$/m);
    assert.match(text, new RegExp(`^ {2}Slot b +build ${built.shortId}, tskrazy 0\\.0\\.9: on trial$`, 'm'));
    assert.match(
      text,
      /^ {2}Trial +build \w+, goes back to 91cc00000000 at \d\d:\d\d unless it is confirmed; waits for: app y starts$/m,
    );
    assert.match(text, /^ {2}Updates +[-\d]+ [:\d]+ {2}91cc00000000 -> \w+ {2}rolled back: app x failed \(/m);
    const { update } = JSON.parse(await garden.succeeds('status', '--json')) as { update: unknown };
    assert.deepEqual(update, device.status);
    device.isOld = true;
    assert.doesNotMatch(await garden.succeeds('status'), /Slot/);
  });
});
