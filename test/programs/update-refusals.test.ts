// The real server under images and chunk streams that are not what they should be, and with a disk that dies. After
// each: the page still answers, and slot b is nothing that could be started.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite, test } from 'node:test';
import { constants, gzipSync, zstdCompressSync } from 'node:zlib';

import {
  UPDATE_API,
  type UpdateBusy,
  type UpdateRefused,
  type UpdateRequest,
} from '../../src/shared/update/update-api.ts';
import type { WebError } from '../../src/shared/api/refusals.ts';
import type { ManifestSignatures } from '../../src/shared/manifest/manifest-signature.ts';
import { ask, basic } from '../support/web/http-ask.ts';
import {
  assertUnharmed,
  CLIENT,
  KEY,
  MIB,
  messageOf,
  newImage,
  startUpdateDevice,
  streamOf,
  until,
  ZSTD,
  type UpdateDevice,
  type UpdateDeviceOptions,
} from '../support/updates/update-device.ts';
import { tamperedRequests } from '../support/updates/tampered-requests.ts';
import { makeKey, type TestImage } from '../support/updates/update-target.ts';
import { TEST_PASSWORD } from '../support/web/web-device.ts';

suite('updates that are refused', () => {
  interface Refusal {
    what: string;
    image: TestImage;
    more?: Partial<UpdateRequest>;
    reason: UpdateRefused['reason'];
    says: RegExp;
    options?: UpdateDeviceOptions;
  }
  const stranger = makeKey();
  const expired = makeKey(1_750_000_000);
  const expiring = makeKey(4_000_000_000);
  const image = newImage();
  const refusals: readonly Refusal[] = [
    { what: 'unsigned', image: newImage({ key: null }), reason: 'signature', says: /is not signed/ },
    {
      what: 'signed with a key that is not trusted',
      image: newImage({ key: stranger }),
      reason: 'signature',
      says: /is signed with key \w+, and trusted are \w+/,
    },
    {
      what: 'signed with an expired key',
      image: newImage({ key: expired }),
      reason: 'signature',
      says: /which has expired/,
      options: { trustedKeys: [expired.trusted] },
    },
    {
      what: 'forged',
      image: { ...image, manifestText: image.manifestText.replace('"sensor"', '"sensos"') },
      reason: 'signature',
      says: /is not that of this image/,
    },
    {
      what: 'signed over another time',
      image: { ...image, signaturesText: image.signaturesText.replace('1700000100', '1900000000') },
      reason: 'signature',
      says: /is not that of this image/,
    },
    {
      what: 'signed with garbage',
      image,
      more: { signatures: 'garbage' },
      reason: 'signature',
      says: /Cannot read the signatures: it is not JSON/,
    },
    {
      what: 'for a device that trusts nobody',
      image,
      reason: 'signature',
      says: /trusts no key/,
      options: { trustedKeys: [] },
    },
    {
      what: 'signed with a key that expires while the clock is not set',
      image: newImage({ key: expiring }),
      reason: 'clock',
      says: /the clock of this device has not been set/,
      options: { trustedKeys: [expiring.trusted], isClockSet: false },
    },
    {
      what: 'another board',
      image: newImage({ manifest: { board: 'pc-arm64', arch: 'arm64' } }),
      reason: 'board',
      says: /is for a pc-arm64, and this is a pc-amd64/,
    },
    {
      what: 'another architecture',
      image: newImage({ manifest: { arch: 'arm64' } }),
      reason: 'manifest',
      says: /arch is not amd64/,
    },
    {
      what: 'another device',
      image: newImage({ manifest: { hostname: 'greenhouse' } }),
      reason: 'hostname',
      says: /is for the device "greenhouse", and this is "garden"/,
    },
    {
      what: 'larger than the slot',
      image: newImage({ root: randomBytes(2 * MIB) }),
      reason: 'layout',
      says: /needs a root partition of 2 MiB, and this one has 1 MiB/,
      options: { rootPartitionBytes: MIB + 512 * 1024 },
    },
    {
      what: 'in need of a larger boot partition',
      image: newImage({ manifest: { minLayout: { rootPartitionBytes: MIB, bootPartitionBytes: 64 * MIB } } }),
      reason: 'layout',
      says: /needs a boot partition of 64 MiB, and this one has 6 MiB/,
    },
    {
      what: 'a kernel that the boot partition has no room for',
      image: newImage({
        kernel: randomBytes(5 * MIB).toString('base64'),
        manifest: { minLayout: { rootPartitionBytes: 8 * MIB, bootPartitionBytes: 0 } },
      }),
      reason: 'layout',
      says: /boot/,
      options: { rootPartitionBytes: 16 * MIB },
    },
    {
      what: 'older than the running one',
      image: newImage({ signedAtSec: 1_699_999_000 }),
      reason: 'older',
      says: /was signed on 2023-11-14 21:56, before the newest one that was confirmed here \(2023-11-14 22:13\)$/,
    },
    {
      what: 'signed in the future',
      image: newImage({ signedAtSec: 4_000_000_000 }),
      reason: 'future',
      says: /was signed on 2096-10-02 07:06, and here it is 20.* UTC: one of the clocks is wrong$/,
    },
    {
      what: 'no manifest',
      image: newImage({ manifest: { formatVersion: 2 as 1 } }),
      reason: 'manifest',
      says: /formatVersion is not 1/,
    },
  ];
  for (const { what, image, more, reason, says, options } of refusals)
    test(what, async (t) => {
      const updated = await startUpdateDevice(t, options);
      const before = updated.target.contentHash();
      const answer = await updated.begin(image, more);
      assert.equal(answer.status, 422, answer.body);
      const refused = answer.json() as UpdateRefused & WebError;
      assert.deepEqual([refused.error.code, refused.reason], [`image-${reason}`, reason]);
      assert.match(messageOf(answer), says);
      assert.equal(updated.target.contentHash(), before);
      assert.equal((await updated.status()).session, null);
      await assertUnharmed(updated);
    });

  test('tampered with in any field of manifest or signatures', async (t) => {
    const updated = await startUpdateDevice(t);
    const before = updated.target.contentHash();
    const signed = newImage();
    const reasons = new Map<string, number>();
    for (const { what, ...sent } of tamperedRequests({
      manifest: signed.manifestText,
      signatures: signed.signaturesText,
    })) {
      // Whoever sends it insists on everything, too.
      const answer = await updated.begin(signed, { ...sent, allowDowngrade: true, allowRename: true });
      assert.equal(answer.status, 422, `${what}: ${answer.body}`);
      const { reason } = answer.json() as UpdateRefused;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    }
    // Nothing is looked at before the signature is right.
    assert.deepEqual([...reasons.keys()], ['signature']);
    assert.ok((reasons.get('signature') ?? 0) > 60, `only ${reasons.get('signature')} requests`);
    assert.equal(updated.target.contentHash(), before);
    assert.equal((await updated.status()).session, null);
    await assertUnharmed(updated);
  });

  const renamed = { manifest: { hostname: 'greenhouse' } };
  const older = { signedAtSec: 1_699_999_000 };
  const later = { signedAtSec: 4_000_000_000 };

  test('what whoever signs may permit', async (t) => {
    const updated = await startUpdateDevice(t);
    for (const image of [
      newImage({ ...renamed, permitted: { renameFrom: 'garden' } }),
      newImage({ ...older, permitted: { downgradeFromSec: 1_700_000_000 } }),
      newImage({ ...later, permitted: { downgradeFromSec: 1_700_000_000 } }),
    ])
      assert.equal((await updated.begin(image)).status, 201);
  });

  test('what is permitted to another device, or was at another time, is not permitted here', async (t) => {
    const updated = await startUpdateDevice(t);
    for (const image of [
      newImage({ ...renamed, permitted: { renameFrom: 'shed', downgradeFromSec: 1_700_000_000 } }),
      newImage({ ...older, permitted: { downgradeFromSec: 1_699_999_999, renameFrom: 'garden' } }),
      newImage({ ...later, permitted: { downgradeFromSec: 1_700_000_001 } }),
    ])
      assert.equal((await updated.begin(image)).status, 422);
    await assertUnharmed(updated);
  });

  test('what the client only says is not permitted, and it is told what is missing', async (t) => {
    const updated = await startUpdateDevice(t);
    for (const image of [newImage(renamed), newImage(older), newImage(later)]) {
      const answer = await updated.begin(image, { allowDowngrade: true, allowRename: true });
      assert.equal(answer.status, 422);
      assert.match(
        messageOf(answer),
        /; that this may be has to be signed with the image, as newer versions of/,
      );
    }
    await assertUnharmed(updated);
  });

  test('a permission that was changed on its way, or is of another image, permits nothing', async (t) => {
    const updated = await startUpdateDevice(t);
    const permitted = { downgradeFromSec: 1_700_000_000 };
    const signed = newImage({ ...older, permitted });
    for (const { what, ...sent } of tamperedRequests({
      manifest: signed.manifestText,
      signatures: signed.signaturesText,
    }))
      assert.equal((await updated.begin(signed, sent)).status, 422, what);
    const another = JSON.parse(newImage({ ...older, permitted }).signaturesText) as ManifestSignatures;
    const own = JSON.parse(newImage({ ...older, key: KEY, root: signed.root }).signaturesText) as object;
    const crossed = JSON.stringify({ ...own, permissions: another.permissions });
    const answer = await updated.begin(signed, { signatures: crossed });
    assert.deepEqual([answer.status, (answer.json() as UpdateRefused).reason], [422, 'signature']);
    await assertUnharmed(updated);
  });

  test('a permission by a key that may have expired permits nothing while the clock is not set', async (t) => {
    const expiring = makeKey(4_000_000_000);
    const trustedKeys = [KEY.trusted, expiring.trusted];
    const updated = await startUpdateDevice(t, { trustedKeys, isClockSet: false });
    const lasting = newImage(renamed);
    const permitted = { renameFrom: 'garden' };
    const { permissions } = JSON.parse(
      newImage({ ...renamed, root: lasting.root, key: expiring, permitted }).signaturesText,
    ) as ManifestSignatures;
    const signatures = JSON.stringify({ ...(JSON.parse(lasting.signaturesText) as object), permissions });
    const answer = await updated.begin(lasting, { signatures });
    assert.deepEqual([answer.status, (answer.json() as UpdateRefused).reason], [422, 'signature']);
  });

  test('what is older than what /perm remembers is refused, whatever runs', async (t) => {
    const updated = await startUpdateDevice(t);
    const { init } = updated.device;
    init.update = { ...init.update, newestSignedAtSec: 1_700_000_500 };
    const answer = await updated.begin(newImage());
    assert.equal((answer.json() as UpdateRefused).reason, 'older');
    assert.equal((await updated.status()).newestSignedAtSec, 1_700_000_500);
    const later = await updated.begin(newImage({ signedAtSec: 1_700_000_500 }));
    assert.equal(later.status, 201, later.body);
  });

  test('a device that does not know the time cannot tell what is in the future', async (t) => {
    const updated = await startUpdateDevice(t, { isClockSet: false });
    assert.equal((await updated.begin(newImage({ signedAtSec: 4_000_000_000 }))).status, 201);
  });

  test('a slot that is in use, or that the disk says is what starts, is not written', async (t) => {
    const updated = await startUpdateDevice(t);
    const before = updated.target.contentHash();
    const mounted = updated.target.openDisk('write');
    const busy = await updated.begin(newImage());
    mounted[Symbol.dispose]();
    assert.equal(updated.target.contentHash(), before);
    await updated.target.commit('b');
    const committed = await updated.begin(newImage());
    await updated.target.commit('a');
    assert.equal(updated.target.contentHash(), before);
    assert.deepEqual([busy.status, committed.status], [409, 409]);
    assert.match(messageOf(busy), /^This device still uses files of slot b: it has to restart first$/);
    assert.match(messageOf(committed), /^This device starts from slot b, which is the one to write: it has/);
    for (const answer of [busy, committed]) assert.equal((answer.json() as UpdateBusy).restartFirst, true);
    await assertUnharmed(updated);
  });

  test('a device that is still starting is waited for', async (t) => {
    const updated = await startUpdateDevice(t);
    const { init } = updated.device;
    const settled = init.update;
    init.update = { ...settled, isStarting: true };
    const answer = updated.begin(newImage());
    await until(async () => (await updated.status()).session !== null);
    await sleep(50);
    init.update = { ...settled, committed: 'b', appsFrom: 'b' };
    assert.equal((await answer).status, 409);
  });

  test('a device that is not where it starts from', async (t) => {
    const updated = await startUpdateDevice(t);
    const { init } = updated.device;
    const usual = init.update;
    const cases = [
      { state: { running: null }, says: /not known which slot/ },
      { state: { running: 'b', committed: 'b' }, says: /not known which slot/ },
      { state: { committed: null }, says: /boot loader cannot be read/ },
      { state: { committed: 'b', appsFrom: 'b' }, says: /has to restart first/, restartFirst: true },
      { state: { trialStart: null }, says: /no way to try/ },
      { state: { trialStart: null, trialProblem: 'The EEPROM is too old' }, says: /^The EEPROM is too old$/ },
    ] as const;
    for (const { state, says, ...more } of cases) {
      init.update = { ...usual, ...state };
      const answer = await updated.begin(newImage(), { forceReboot: true });
      assert.equal(answer.status, 409);
      assert.match(messageOf(answer), says);
      assert.equal((answer.json() as UpdateBusy).restartFirst, 'restartFirst' in more ? true : undefined);
    }
    init.update = usual;
    await assertUnharmed(updated);
  });

  test('who may not change anything', async (t) => {
    const updated = await startUpdateDevice(t);
    const { id } = await updated.offer(newImage());
    const requests = [
      ['POST', UPDATE_API.update],
      ['PUT', UPDATE_API.chunks(id)],
      ['POST', UPDATE_API.install(id)],
      ['POST', UPDATE_API.try(id)],
      ['DELETE', UPDATE_API.session(id)],
      ['POST', UPDATE_API.confirm],
      ['POST', UPDATE_API.rollback],
    ] as const;
    for (const [method, path] of requests) {
      assert.equal((await ask(updated.device.url, path, { method })).status, 401, path);
      const headers = { ...basic(TEST_PASSWORD), Origin: 'http://evil.example' };
      assert.equal((await ask(updated.device.url, path, { method, headers })).status, 403, path);
    }
    assert.equal((await ask(updated.device.url, UPDATE_API.update)).status, 401);
    assert.notEqual((await updated.status()).session, null);
  });
});

test('requests for an update are read one after the other: each of them may be large', async (t) => {
  const updated = await startUpdateDevice(t);
  const { manifestText: manifest, signaturesText: signatures } = newImage();
  const body = JSON.stringify({ client: CLIENT, manifest, signatures });
  const slow = http.request(`${updated.device.url}${UPDATE_API.update}`, {
    method: 'POST',
    agent: false,
    headers: { ...basic(TEST_PASSWORD), 'Content-Type': 'application/json' },
  });
  const slowAnswer = once(slow, 'response') as Promise<[http.IncomingMessage]>;
  slow.write(body.slice(0, 100));
  await sleep(50);
  const fast = updated.begin(newImage(), { client: { id: 'second', name: 'ann@desk' } });
  await sleep(50);
  slow.end(body.slice(100));
  const [first] = await slowAnswer;
  first.resume();
  assert.equal(first.statusCode, 201);
  assert.equal((await fast).status, 409);
});

suite('chunk streams that are not what they should be', () => {
  test('are refused, and the session goes on', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage({ root: randomBytes(MIB) });
    const { id, missingChunks } = await updated.offer(image);
    const right = await streamOf(image, missingChunks);
    const one = await streamOf(image, [0]);
    const flipped = Buffer.from(right);
    flipped[100_000]! ^= 1;
    const other = { ...image, chunk: (index: number) => image.chunk(index === 3 ? 5 : index) };
    const longer = { ...image, chunk: () => randomBytes(70_000) };
    const cases: [what: string, body: Buffer, headers: Record<string, string>, says: RegExp][] = [
      ['nothing', Buffer.alloc(0), {}, /it is cut off at byte 0/],
      ['nothing, in zstd', Buffer.alloc(0), ZSTD, /no zstd: unexpected end/],
      ['cut off', right.subarray(0, 90_000), {}, /it is cut off at byte 90000/],
      ['cut off, in zstd', zstdCompressSync(right).subarray(0, 90_000), ZSTD, /unexpected end of file/],
      ['with a wrong bit', flipped, {}, /chunk 1: its bytes are not those/],
      ['with the bytes of another', await streamOf(other, [3]), {}, /chunk 3: its bytes are not those/],
      ['too long', await streamOf(longer, [3]), {}, /chunk 3: it has 70000 bytes, not 65536/],
      [
        'with a number too high',
        await streamOf({ ...image, chunk: () => randomBytes(5) }, [99]),
        {},
        /no such chunk/,
      ],
      ['with something behind', Buffer.concat([one, one]), {}, /something follows the end/],
      [
        'with garbage behind the zstd',
        Buffer.concat([zstdCompressSync(one), right]),
        ZSTD,
        /follows the end/,
      ],
      ['another version', Buffer.from('TSKC\x02\0\0\0'), {}, /it has version 2, not 1/],
      ['text', Buffer.from('GET / HTTP/1.1\r\n\r\n'), {}, /it does not start like one/],
      ['text that is no zstd', Buffer.from('GET / HTTP/1.1\r\n\r\n'), ZSTD, /no zstd: Unknown frame/],
    ];
    for (const [what, body, headers, says] of cases) {
      const answer = await updated.put(id, body, headers);
      assert.equal(answer.status, 422, `${what}: ${answer.body}`);
      assert.match(messageOf(answer), says, what);
    }
    const gzip = await updated.put(id, gzipSync(right), { 'Content-Encoding': 'gzip' });
    assert.deepEqual([gzip.status, gzip.headers['accept-encoding']], [415, 'zstd']);
    const early = await updated.post(UPDATE_API.install(id), {});
    await assertUnharmed(await leaving(updated, id));
    assert.equal(early.status, 409);
    const rest = await updated.offer(image);
    await updated.send(rest.id, image, rest.missingChunks);
    assert.equal((await updated.install(rest.id)).at(-1)?.event, 'installed');
  });

  test('cost no memory, however much comes', async (t) => {
    const updated = await startUpdateDevice(t, { limits: { lingerMs: 50 } });
    const { id } = await updated.offer(newImage());
    const garbage = randomBytes(MIB);
    const { request, answer } = updated.open(id);
    let sentBytes = 0;
    request.on('error', () => {});
    while (!request.destroyed && !request.errored && sentBytes < 1024 * MIB) {
      if (!request.write(garbage))
        await new Promise((resolve) => request.once('drain', resolve).once('close', resolve));
      sentBytes += garbage.length;
    }
    // A reset may overtake the answer.
    const refused = await answer.catch(() => undefined);
    assert.ok(refused === undefined || refused.status === 422);
    assert.ok(sentBytes < 64 * MIB, `${sentBytes} bytes were taken`);
    await assertUnharmed(await leaving(updated, id));
  });

  test('cost no memory when they are bombs', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { id } = await updated.offer(image);
    const zeros = zstdCompressSync(Buffer.alloc(1024 * MIB));
    assert.ok(zeros.length < MIB);
    const before = process.memoryUsage.rss();
    assert.equal((await updated.put(id, zeros, ZSTD)).status, 422);
    const wide = zstdCompressSync(randomBytes(100), {
      params: { [constants.ZSTD_c_windowLog]: 27, [constants.ZSTD_c_contentSizeFlag]: 0 },
    });
    const params = { [constants.ZSTD_c_windowLog]: 27 };
    const answer = await updated.put(id, zstdCompressSync(Buffer.alloc(256 * MIB), { params }), ZSTD);
    assert.match(messageOf(answer), /too much memory/);
    assert.equal((await updated.put(id, wide, ZSTD)).status, 422);
    const grown = process.memoryUsage.rss() - before;
    assert.ok(grown < 400 * MIB, `${grown} bytes more, of which 256 MiB are this test's own`);
    const request = JSON.stringify({ client: CLIENT, manifest: ' '.repeat(64 * MIB), signatures: '' });
    const bomb = await ask(updated.device.url, UPDATE_API.update, {
      method: 'POST',
      headers: { ...basic(TEST_PASSWORD), ...ZSTD, 'Content-Type': 'application/json' },
      body: zstdCompressSync(request),
    });
    assert.equal(bomb.status, 413);
    for (const [value, times] of [
      ['{},', 3 * MIB],
      ['[', 9 * MIB],
    ] as const) {
      const many = await ask(updated.device.url, UPDATE_API.update, {
        method: 'POST',
        headers: { ...basic(TEST_PASSWORD), 'Content-Type': 'application/json' },
        body: `{"client":[${value.repeat(times)}`,
      });
      // Not that it is no JSON: as such, it would have taken hundreds of megabytes.
      assert.equal(messageOf(many), 'Cannot read the request: it has more than 1000 values');
    }
    await assertUnharmed(await leaving(updated, id));
  });

  test('are cut off when they come too slowly, and not when they only come slowly', async (t) => {
    const limits = { bodyWindowMs: 200, bodyLeastBytes: 2000, lingerMs: 50 };
    const updated = await startUpdateDevice(t, { limits });
    const image = newImage();
    const { id } = await updated.offer(image);
    const idle = updated.open(id);
    assert.equal((await idle.answer).status, 408);
    const drip = updated.open(id);
    drip.request.on('error', () => {});
    const timer = setInterval(() => drip.request.write('T'), 20);
    t.after(() => {
      clearInterval(timer);
    });
    assert.notEqual((await drip.answer.catch(() => ({ status: 408 }))).status, 200);
    const slow = updated.open(id);
    const stream = await streamOf(image, [4]);
    // Ten times as long as a body may be waited for.
    for (let start = 0; start < stream.length; start += 2000) {
      slow.request.write(stream.subarray(start, start + 2000));
      await sleep(40);
    }
    slow.request.end();
    assert.equal((await slow.answer).status, 200);
    await assertUnharmed(await leaving(updated, id));
  });
});

async function leaving(updated: UpdateDevice, id: string): Promise<UpdateDevice> {
  assert.equal((await updated.remove(id)).status, 204);
  return updated;
}

suite('a disk that dies', () => {
  test('while chunks come: the session is over, and says why', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { id } = await updated.offer(image);
    updated.target.fails = true;
    const answer = await updated.send(id, image, [4]);
    assert.equal(answer.status, 500);
    assert.match(messageOf(answer), /^The update failed: EIO: i\/o error/);
    assert.equal(updated.target.openCount, 0);
    const late = await updated.post(UPDATE_API.install(id), {});
    assert.equal(late.status, 404);
    assert.match(messageOf(late), /EIO/);
    const status = await ask(updated.device.url, UPDATE_API.update, { headers: basic(TEST_PASSWORD) });
    assert.equal(status.status, 500);
    updated.target.fails = false;
    await assertUnharmed(updated);
  });

  test('while it is installed: the last event says so', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { id } = await updated.offer(image);
    await updated.send(id, image, [4]);
    updated.target.fails = true;
    const event = (await updated.install(id)).at(-1);
    assert.ok(event?.event === 'failed');
    assert.match(event.message, /EIO/);
    assert.equal(updated.target.openCount, 0);
    updated.target.fails = false;
    await assertUnharmed(updated);
  });

  test('a client that goes while the image is installed ends the session', async (t) => {
    const updated = await startUpdateDevice(t);
    const image = newImage();
    const { id } = await updated.offer(image);
    await updated.send(id, image, [4]);
    const { promise, resolve } = Promise.withResolvers<void>();
    updated.target.pause = promise;
    const request = updated.beginInstall(id).on('error', () => {});
    await sleep(100);
    const twice = await updated.post(UPDATE_API.install(id), {});
    assert.deepEqual([twice.status, messageOf(twice)], [409, 'The image is being installed']);
    request.destroy();
    await sleep(50);
    resolve();
    await until(async () => (await updated.status()).session === null);
    await assertUnharmed(updated);
  });
});
