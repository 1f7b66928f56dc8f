// The real server takes updates onto a disk of files, from clients that are well and from those that are not. After
// each of the latter: the page still answers, and slot b is either whole or nothing that could be started.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test, type TestContext } from 'node:test';
import { zstdCompressSync } from 'node:zlib';

import { encodeChunkStream } from '../../src/formats/chunk-stream.ts';
import type { WebLimits } from '../../src/device/web/server.ts';
import type { TrustedKey } from '../../src/shared/manifest-signature.ts';
import {
  UPDATE_API,
  type ChunksReceived,
  type InstallEvent,
  type UpdateOffer,
  type UpdateRequest,
  type UpdateStatus,
} from '../../src/shared/update-api.ts';
import { ask, basic, type Answer } from '../support/http-ask.ts';
import {
  makeImage,
  makeKey,
  UpdateTarget,
  type ImageOptions,
  type TestImage,
} from '../support/update-target.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice } from '../support/web-device.ts';

const MIB = 1024 * 1024;
const CLIENT = { id: 'laptop-1', name: 'michael@laptop' };
const KEY = makeKey();
/** As random as what is compressed already. */
const OLD_ROOT = randomBytes(MIB);
const OLD = makeImage({ key: KEY, root: OLD_ROOT });

/** As OLD, but for one chunk and what `options` say. */
function newImage(options: Partial<ImageOptions> = {}): TestImage {
  const root = Uint8Array.from(OLD_ROOT);
  root.set(randomBytes(1000), 300_000);
  return makeImage({ key: KEY, root, signedAtSec: 1_700_000_100, ...options });
}

interface Updated {
  device: WebDevice;
  target: UpdateTarget;
  post(path: string, body: unknown): Promise<Answer>;
  begin(image: TestImage, more?: Partial<UpdateRequest>): Promise<Answer>;
  offer(image: TestImage, more?: Partial<UpdateRequest>): Promise<UpdateOffer>;
  send(id: string, image: TestImage, indexes: readonly number[]): Promise<Answer>;
  install(id: string): Promise<InstallEvent[]>;
  status(): Promise<UpdateStatus>;
}

interface StartOptions {
  limits?: Partial<WebLimits>;
  trustedKeys?: readonly TrustedKey[];
  rootPartitionBytes?: number;
  idleMs?: number;
}

async function start(t: TestContext, options: StartOptions = {}): Promise<Updated> {
  const target = await UpdateTarget.create(OLD, options.rootPartitionBytes ?? 4 * MIB);
  const device = await startWebDevice({
    config: {
      buildId: OLD.manifest.buildId,
      update: { trustedKeys: options.trustedKeys ?? [KEY.trusted] },
    },
    updates: {
      openDisk: () => target.openDisk(),
      ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
    },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  t.after(async () => {
    await device.close();
    assert.equal(target.openCount, 0);
    target.remove();
  });
  const to = (method: string, path: string, body: string | Uint8Array, headers: Record<string, string>) =>
    ask(device.url, path, { method, body, headers: { ...basic(TEST_PASSWORD), ...headers } });
  const updated: Updated = {
    device,
    target,
    post: (path, body) => to('POST', path, JSON.stringify(body), { 'Content-Type': 'application/json' }),
    begin: (image, more) =>
      updated.post(UPDATE_API.update, {
        client: CLIENT,
        manifest: image.manifestText,
        signatures: image.signaturesText,
        ...more,
      }),
    async offer(image, more) {
      const answer = await updated.begin(image, more);
      assert.equal(answer.status, 201, answer.body);
      return answer.json() as UpdateOffer;
    },
    send: async (id, image, indexes) =>
      to('PUT', UPDATE_API.chunks(id), zstdCompressSync(await streamOf(image, indexes)), {
        'Content-Encoding': 'zstd',
      }),
    async install(id) {
      const answer = await updated.post(UPDATE_API.install(id), {});
      assert.equal(answer.status, 200, answer.body);
      return answer.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as InstallEvent);
    },
    status: async () =>
      (await ask(device.url, UPDATE_API.update, { headers: basic(TEST_PASSWORD) })).json() as UpdateStatus,
  };
  return updated;
}

async function streamOf(image: TestImage, indexes: readonly number[]): Promise<Buffer> {
  const chunks = indexes.map((index) => ({ index, bytes: image.chunk(index) }));
  return Buffer.concat(await Array.fromAsync(encodeChunkStream(chunks)));
}

function messageOf(answer: Answer): string {
  return (answer.json() as { error: { message: string } }).error.message;
}

suite('updates', () => {
  test('take only the chunks that are nowhere, install them, and hand over to init', async (t) => {
    const updated = await start(t);
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
        },
      ],
    ]);
    assert.equal(updated.target.openCount, 0);
    const again = await updated.begin(newImage());
    assert.equal(again.status, 409, again.body);
    assert.match(messageOf(again), /is on trial/);
  });
});
