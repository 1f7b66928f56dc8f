// The real server takes updates onto a disk of files and hands them over to init. A client may go at any time.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test, type TestContext } from 'node:test';
import { zstdCompressSync } from 'node:zlib';

import { sha256Of } from '../../src/device/update/content-hash.ts';
import { writeFatFileInPlace } from '../../src/formats/fat/write-in-place.ts';
import { LOADER_ENTRY_BYTES, loaderEntryPath } from '../../src/shared/boot-loader/loader-entry.ts';
import {
  UPDATE_API,
  type ChunksReceived,
  type UpdateBusy,
  type UpdateOffer,
  type UpdateRefused,
  type UpdateStatus,
} from '../../src/shared/update/update-api.ts';
import { DICTIONARY_HEADER, dictionaryOf } from '../../src/shared/update/manifest-dictionary.ts';
import type { WebStatus } from '../../src/shared/api/web-api.ts';
import type { WebError } from '../../src/shared/api/refusals.ts';
import { exampleTrial } from '../support/web/fake-device.ts';
import { type Answer, ask, basic } from '../support/web/http-ask.ts';
import {
  assertUnharmed,
  CLIENT,
  KEY,
  MIB,
  messageOf,
  newImage,
  OLD,
  startUpdateDevice,
  streamOf,
  until,
  ZSTD,
  type UpdateDevice,
} from '../support/updates/update-device.ts';
import { makeKey, type TestImage } from '../support/updates/update-target.ts';
import { TEST_PASSWORD } from '../support/web/web-device.ts';

suite('updates that go their way', () => {
  test('take only the chunks that are nowhere, install them, and hand over to init', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const offer = await updated.offer(image);
    assert.deepEqual(
      [offer.slot, offer.mode, offer.changedApps, offer.missingChunks, offer.missingBytes],
      ['b', 'live', ['sensor'], [4], 65_536],
    );
    const sent = await updated.send(offer.id, image, offer.missingChunks);
    assert.deepEqual(sent.json(), { chunks: 1, bytes: 65_536, missingChunks: 0 } satisfies ChunksReceived);
    assert.equal((await updated.status()).slots.b, null);
    const events = await updated.install(offer.id);
    assert.equal(events.at(-1)?.event, 'installed', JSON.stringify(events.at(-1)));
    const { slots, session } = await updated.status();
    assert.equal(slots.b?.buildId, image.manifest.buildId);
    assert.equal(slots.a?.buildId, OLD.manifest.buildId);
    assert.equal(session?.client, CLIENT.name);
    const tried = await updated.post(UPDATE_API.try(offer.id), { confirmBy: 'client' });
    assert.deepEqual([tried.status, tried.json()], [202, { mode: 'live', trialId: 'trial-of-b' }]);
    assert.deepEqual(updated.device.init.updateRequests, [
      [
        'trial',
        {
          slot: 'b',
          buildId: image.manifest.buildId,
          mode: 'live',
          confirmBy: 'client',
          who: CLIENT.name,
          changedApps: ['sensor'],
          unchangedApps: [],
          unhealthyApps: [],
          newestSignedAtSec: 1_700_000_100,
        },
      ],
    ]);
    assert.equal(updated.target.openCount, 0);
    const again = await updated.begin(newImage());
    assert.equal(again.status, 409, again.body);
    assert.match(messageOf(again), /is on trial/);
  });

  test('a new kernel means a restart, and its chunks wait beside the new root', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage({ kernel: 'another kernel' });
    const offer = await updated.offer(image);
    assert.deepEqual([offer.mode, offer.missingChunks], ['reboot', [4, 16]]);
    assert.match(offer.rebootBecause.join(), /^kernel \w+ becomes \w+$/);
    await updated.send(offer.id, image, [16, 4]);
    assert.equal((await updated.install(offer.id)).at(-1)?.event, 'installed');
    assert.equal((await updated.status()).slots.b?.buildId, image.manifest.buildId);
  });

  test('the build that runs needs nothing, and nobody has to end that', async (t) => {
    const updated = await startUpdateDevice(t);
    const before = updated.target.contentHash();
    const offer = await updated.offer(OLD);
    assert.deepEqual([offer.mode, offer.missingChunks], ['none', []]);
    assert.equal((await updated.status()).session, null);
    assert.equal((await updated.post(UPDATE_API.try(offer.id), { confirmBy: 'client' })).status, 404);
    assert.equal((await updated.remove(offer.id)).status, 204);
    assert.equal(updated.target.contentHash(), before);
  });

  test('a client may insist on a restart', async (t) => {
    const updated = await startUpdateDevice(t);
    const offer = await updated.offer(newImage(), { forceReboot: true });
    assert.deepEqual([offer.mode, offer.rebootBecause], ['reboot', ['the client asks for it']]);
  });

  test('bodies may be compressed or not', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const request = { client: CLIENT, manifest: image.manifestText, signatures: image.signaturesText };
    const answer = await ask(updated.device.url, UPDATE_API.update, {
      method: 'POST',
      headers: { ...basic(TEST_PASSWORD), ...ZSTD, 'Content-Type': 'application/json' },
      body: zstdCompressSync(JSON.stringify(request)),
    });
    assert.equal(answer.status, 201, answer.body);
    const { id, missingChunks } = answer.json() as UpdateOffer;
    const sent = await updated.put(id, await streamOf(image, missingChunks));
    assert.equal((sent.json() as ChunksReceived).missingChunks, 0);
  });

  test('a request may be packed against a manifest that the device has, and is as good as nothing then', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { slots, protocol } = await updated.status();
    assert.ok(protocol.features.includes('manifest-dictionary'));
    const sha256 = slots.a?.manifestSha256 ?? '';
    assert.equal(sha256, sha256Of(Buffer.from(OLD.manifestText)));
    const request = JSON.stringify({
      client: CLIENT,
      manifest: image.manifestText,
      signatures: image.signaturesText,
    });
    const dictionary = dictionaryOf(Buffer.from(OLD.manifestText));
    const [packed, against] = [zstdCompressSync(request), zstdCompressSync(request, { dictionary })];
    const send = (body: Uint8Array, of: string): Promise<Answer> =>
      ask(updated.device.url, UPDATE_API.update, {
        method: 'POST',
        headers: {
          ...basic(TEST_PASSWORD),
          ...ZSTD,
          'Content-Type': 'application/json',
          [DICTIONARY_HEADER]: of,
        },
        body,
      });
    assert.ok(against.length < packed.length / 2, `${against.length} of ${packed.length} bytes`);
    for (const unknown of ['', '0'.repeat(64), '../a/manifest.json']) {
      const answer = await send(against, unknown);
      assert.deepEqual([answer.status, (answer.json() as WebError).error.code], [415, 'wrong-type']);
    }
    assert.equal((await send(against.subarray(0, -9), sha256)).status, 422);
    const { missingChunks } = (await send(against, sha256)).json() as UpdateOffer;
    assert.equal(missingChunks.length, 1);
  });

  test('a client that was cut off sends only the rest', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage({ root: randomBytes(MIB) });
    const offer = await updated.offer(image);
    assert.equal(offer.missingChunks.length, 16);
    const stream = await streamOf(image, offer.missingChunks);
    const { request, answer } = updated.open(offer.id);
    request.write(stream.subarray(0, stream.length / 2));
    // So much has certainly been taken when the next lines go out.
    await until(async () => {
      const { session } = await updated.status();
      return session !== null && session.lastHeardAtMs > session.startedAtMs;
    });
    await sleep(50);
    request.destroy();
    await assert.rejects(answer);
    const again = await updated.offer(image);
    assert.ok(again.missingChunks.length < 16, 'what has arrived is not asked for again');
    await updated.send(again.id, image, again.missingChunks);
    assert.equal((await updated.install(again.id)).at(-1)?.event, 'installed');
  });

  test('an installation tells of itself before the disk has written anything', async (t) => {
    const chunkBytes = 64 * 1024;
    const there = randomBytes(4 * chunkBytes);
    const other = newImage({ root: there });
    const updated = await startUpdateDevice(t, { other });
    // Each chunk is in the way of another one, and has to be put aside first.
    const root = Buffer.concat([3, 2, 1, 0].map((n) => there.subarray(n * chunkBytes, (n + 1) * chunkBytes)));
    const { id, missingChunks } = await updated.offer(newImage({ root }));
    assert.deepEqual(missingChunks, []);
    const { promise, resolve } = Promise.withResolvers<void>();
    updated.target.pause = promise;
    const [answer] = (await once(updated.beginInstall(id), 'response')) as [http.IncomingMessage];
    const lines: string[] = [];
    for await (const text of answer.setEncoding('utf8')) {
      lines.push(text as string);
      resolve();
    }
    assert.match(
      lines[0] ?? '',
      /^\{"event":"progress","phase":"root","doneBytes":0,"totalBytes":262144\}\n/,
    );
    assert.match(lines.join(''), /\{"event":"installed",[^\n]+\n$/);
  });

  test('a session ends when nothing is heard of its client', async (t) => {
    const updated = await startUpdateDevice(t, { idleMs: 100 });
    const { id } = await updated.offer(newImage());
    await until(async () => (await updated.status()).session === null);
    const late = await updated.post(UPDATE_API.install(id), {});
    assert.deepEqual([late.status, messageOf(late)], [404, 'Nothing was heard of the client for 0.1 s']);
    await assertUnharmed(updated);
  });
});

suite('two clients', () => {
  const OTHER = { id: 'laptop-2', name: 'anna@desk' };

  test('the second is told who the first is, and since when', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const [first, second] = await Promise.all([
      updated.begin(image),
      updated.begin(newImage(), { client: OTHER }),
    ]);
    assert.deepEqual(new Set([first.status, second.status]), new Set([201, 409]));
    const refused = first.status === 409 ? first : second;
    const { session } = refused.json() as UpdateBusy;
    assert.ok(session && session.startedAtMs <= Date.now());
    assert.match(messageOf(refused), /^\w+@\w+ updates this device since \d\d:\d\d:\d\d UTC$/);
    const page = await ask(updated.device.url, '/api/v1/status', { headers: basic(TEST_PASSWORD) });
    assert.equal((page.json() as WebStatus).update?.session?.client, session.client);
  });

  test('one that has lost its answer takes over from itself', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const first = await updated.offer(image);
    const transfer = updated.open(first.id);
    transfer.request.write('TSKC');
    await sleep(20);
    const second = await updated.offer(image);
    assert.notEqual(first.id, second.id);
    const { status, body } = await transfer.answer;
    assert.deepEqual(
      [status, JSON.parse(body)],
      [404, { error: { code: 'update-ended', message: 'The same client has begun anew' } }],
    );
    assert.equal((await updated.send(first.id, image, [4])).status, 404);
    assert.equal((await updated.send(second.id, image, [4])).status, 200);
    assert.equal((await updated.remove(second.id)).status, 204);
    const other = await updated.begin(image, { client: OTHER });
    assert.equal(other.status, 201);
    assert.deepEqual((other.json() as UpdateOffer).missingChunks, [], 'what was received stays');
  });

  test('however often it begins anew, one session is left', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    await updated.offer(image);
    const answers = await Promise.all(Array.from({ length: 5 }, () => updated.begin(image)));
    assert.equal(answers.filter(({ status }) => status === 201).length, 1);
    assert.equal(answers.filter(({ status }) => status === 404).length, 4);
    assert.equal(updated.target.openCount, 1);
  });

  test('of two transfers of a session the newer one counts', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { id } = await updated.offer(image);
    const first = updated.open(id);
    first.request.write('TSKC');
    await sleep(20);
    assert.equal((await updated.send(id, image, [4])).status, 200);
    assert.equal((await first.answer).status, 404);
  });
});

async function installed(t: TestContext): Promise<{ updated: UpdateDevice; image: TestImage }> {
  const updated = await startUpdateDevice(t);
  const image = newImage();
  const { id } = await updated.offer(image);
  await updated.send(id, image, [4]);
  await updated.install(id);
  await updated.remove(id);
  return { updated, image };
}

suite('roll-back and confirmation', () => {
  const PAGE = { id: 'browser', name: 'the page' };

  test('without a trial, the other slot is tried, once it has been read', async (t) => {
    const { updated, image } = await installed(t);
    const answer = await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.equal(answer.status, 202, answer.body);
    const trial = {
      slot: 'b',
      buildId: image.manifest.buildId,
      mode: 'reboot',
      confirmBy: 'device',
      who: 'the page',
      changedApps: [],
      unchangedApps: [],
      unhealthyApps: [],
    };
    assert.deepEqual(updated.device.init.updateRequests, [['trial', trial]]);
    assert.equal((answer.json() as UpdateStatus).trial?.slot, 'b');
    assert.equal(updated.target.openCount, 0);
  });

  test('a slot that is gone back to remembers what was confirmed, when /perm is new', async (t) => {
    const other = newImage({ signedAtSec: 1_699_990_000 });
    const updated = await startUpdateDevice(t, { other });
    assert.equal((await updated.post(UPDATE_API.rollback, { client: PAGE })).status, 202);
    const { init } = updated.device;
    init.update = { ...init.update, running: 'b', committed: 'b', trial: null };
    updated.target.running = 'b';
    const { slots, newestSignedAtSec } = await updated.status();
    assert.deepEqual(
      [slots.b?.signedAtSec, slots.b?.newestConfirmedSec, newestSignedAtSec],
      [1_699_990_000, 1_700_000_000, 1_700_000_000],
    );
    const between = await updated.begin(newImage({ signedAtSec: 1_699_999_000 }));
    assert.deepEqual([between.status, (between.json() as UpdateRefused).reason], [422, 'older']);
    // The other way round, nothing newer is there to be noted.
    init.updateRequests.length = 0;
    const back = await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.equal(back.status, 202, back.body);
    assert.equal((await updated.status()).slots.a?.newestConfirmedSec, undefined);
  });

  test('what devices note in signatures is not taken from those who send them', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const signatures = { ...(JSON.parse(image.signaturesText) as object), newestConfirmedSec: 4_000_000_000 };
    const { id, missingChunks } = await updated.offer(image, { signatures: JSON.stringify(signatures) });
    await updated.send(id, image, missingChunks);
    await updated.install(id);
    const { slots } = await updated.status();
    assert.deepEqual([slots.b?.signedAtSec, slots.b?.newestConfirmedSec], [1_700_000_100, undefined]);
  });

  test('a slot that has rotted is not tried', async (t) => {
    const { updated } = await installed(t);
    updated.target.damageRoot(500_000);
    const answer = await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.deepEqual(
      [answer.status, messageOf(answer)],
      [409, 'Slot b cannot be started: its root image is not as it was installed'],
    );
    assert.deepEqual(updated.device.init.updateRequests, []);
    assert.equal((await updated.status()).session, null);
  });

  test('a slot whose start is not that of its image is not tried', async (t) => {
    const { updated } = await installed(t);
    {
      using disk = updated.target.openDisk();
      await writeFatFileInPlace(disk.boot, loaderEntryPath('b'), Buffer.alloc(LOADER_ENTRY_BYTES, '#'));
    }
    const answer = await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.deepEqual(
      [answer.status, messageOf(answer)],
      [409, 'Slot b cannot be started: the boot loader would start it in another way than its image says'],
    );
    assert.deepEqual(updated.device.init.updateRequests, []);
  });

  test('a slot that nobody who is trusted has signed is not tried', async (t) => {
    for (const [key, says] of [
      [makeKey(), /^Slot b cannot be started: The image is signed with key \w+, and trusted are \w+$/],
      [{ ...KEY, privateKey: makeKey().privateKey }, /^Slot b cannot be started: The signature of key/],
    ] as const) {
      const updated = await startUpdateDevice(t, { other: newImage({ key }) });
      const answer = await updated.post(UPDATE_API.rollback, { client: PAGE });
      assert.equal(answer.status, 409);
      assert.match(messageOf(answer), says);
      assert.deepEqual(updated.device.init.updateRequests, []);
    }
  });

  test('a key that has expired since the slot was installed is as good as it was then', async (t) => {
    const trustedKeys = [{ ...KEY.trusted, notAfterSec: 1_700_000_200 }];
    const updated = await startUpdateDevice(t, { trustedKeys, other: newImage() });
    const answer = await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.equal(answer.status, 202, answer.body);
  });

  test('after a live switch the way back is the slot that still runs', async (t) => {
    const { updated } = await installed(t);
    const { init } = updated.device;
    init.update = { ...init.update, committed: 'b', appsFrom: 'b' };
    assert.equal((await updated.post(UPDATE_API.rollback, { client: PAGE })).status, 202);
    const [[, request] = []] = init.updateRequests;
    assert.equal((request as { slot: string }).slot, 'a');
  });

  test('during a trial both are up to init', async (t) => {
    const { updated, image } = await installed(t);
    const { init } = updated.device;
    await updated.post(UPDATE_API.rollback, { client: PAGE });
    init.updateRequests.length = 0;
    const { buildId } = image.manifest;
    const confirmed = await updated.post(UPDATE_API.confirm, { buildId, client: CLIENT });
    assert.equal(confirmed.status, 200);
    const late = await updated.post(UPDATE_API.confirm, { buildId });
    assert.deepEqual([late.status, messageOf(late)], [409, 'There is no trial']);
    await updated.post(UPDATE_API.rollback, { client: PAGE });
    await updated.post(UPDATE_API.rollback, { client: PAGE });
    assert.deepEqual(
      init.updateRequests.map(([name]) => name),
      ['confirm', 'trial', 'rollback'],
    );
    assert.deepEqual(init.updateRequests[0]?.[1], { buildId, who: CLIENT.name });
  });

  test('a trial of an image that trusts none of those who have signed it is reported as such', async (t) => {
    for (const [trustedKeys, isReported] of [
      [[makeKey().trusted], true],
      [[KEY.trusted], false],
      [[], false],
    ] as const) {
      const { device } = await startUpdateDevice(t, { trustedKeys, limits: { trialIntervalMs: 10 } });
      device.init.update = { ...device.init.update, trial: exampleTrial() };
      device.server.context.trial.begin();
      await until(() => device.init.checks !== undefined);
      const problem = device.init.checks?.find(({ name }) => name === 'the next update')?.problem;
      assert.equal(
        problem,
        isReported ? 'the image trusts none of the keys that it is signed with' : undefined,
      );
    }
  });

  test('malformed requests are refused by the name of their fault', async (t) => {
    const updated = await startUpdateDevice(t);
    const answer = await updated.post(UPDATE_API.rollback, { client: { id: 'x', name: 'a\u001B[2Jb' } });
    assert.deepEqual([answer.status, answer.body.includes('client.name')], [400, true]);
    assert.equal((await updated.post(UPDATE_API.confirm, { buildId: 7 })).status, 400);
    const form = await ask(updated.device.url, UPDATE_API.confirm, {
      method: 'POST',
      headers: basic(TEST_PASSWORD),
      body: '{}',
    });
    assert.equal(form.status, 415);
  });
});
