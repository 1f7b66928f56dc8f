// A web server that takes updates onto a disk of files, and a client of it that may do anything.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';

import type { WebLimits } from '../../../src/device/web/server.ts';
import { encodeChunkStream } from '../../../src/formats/chunk-stream.ts';
import type { TrustedKey } from '../../../src/shared/manifest/manifest-signature.ts';
import {
  UPDATE_API,
  type InstallEvent,
  type UpdateOffer,
  type UpdateRequest,
  type UpdateStatus,
} from '../../../src/shared/update/update-api.ts';
import { exampleTime } from '../web/fake-device.ts';
import { ask, basic, type Answer } from '../web/http-ask.ts';
import { makeImage, makeKey, UpdateTarget, type ImageOptions, type TestImage } from './update-target.ts';
import { TEST_PASSWORD, startWebDevice, type WebDevice } from '../web/web-device.ts';

export const MIB = 1024 * 1024;
export const ZSTD = { 'Content-Encoding': 'zstd' };
export const CLIENT = { id: 'laptop-1', name: 'michael@laptop' };
export const KEY = makeKey();
/** As random as what is compressed already. */
const OLD_ROOT = randomBytes(MIB);
export const OLD = makeImage({ key: KEY, root: OLD_ROOT });

/** As OLD, but for one chunk and what `options` say. */
export function newImage(options: Partial<ImageOptions> = {}): TestImage {
  const root = Uint8Array.from(OLD_ROOT);
  root.set(randomBytes(1000), 300_000);
  return makeImage({ key: KEY, root, signedAtSec: 1_700_000_100, ...options });
}

interface Transfer {
  request: http.ClientRequest;
  answer: Promise<{ status: number; body: string }>;
}

export interface UpdateDevice {
  device: WebDevice;
  target: UpdateTarget;
  post(path: string, body: unknown): Promise<Answer>;
  begin(image: TestImage, more?: Partial<UpdateRequest>): Promise<Answer>;
  offer(image: TestImage, more?: Partial<UpdateRequest>): Promise<UpdateOffer>;
  send(id: string, image: TestImage, indexes: readonly number[]): Promise<Answer>;
  /** A chunk stream as it comes. */
  put(id: string, body: Uint8Array, headers?: Record<string, string>): Promise<Answer>;
  /** One whose body the test writes. */
  open(id: string, headers?: Record<string, string>): Transfer;
  remove(id: string): Promise<Answer>;
  install(id: string): Promise<InstallEvent[]>;
  /** One whose answer the test reads, or does not. */
  beginInstall(id: string): http.ClientRequest;
  status(): Promise<UpdateStatus>;
}

export interface UpdateDeviceOptions {
  limits?: Partial<WebLimits>;
  trustedKeys?: readonly TrustedKey[];
  rootPartitionBytes?: number;
  idleMs?: number;
  isClockSet?: boolean;
  /** What slot b holds. */
  other?: TestImage;
}

export async function startUpdateDevice(
  t: TestContext,
  options: UpdateDeviceOptions = {},
): Promise<UpdateDevice> {
  const target = await UpdateTarget.create(OLD, options.rootPartitionBytes ?? 4 * MIB, {
    ...(options.other && { other: options.other }),
  });
  const device = await startWebDevice({
    config: {
      buildId: OLD.manifest.buildId,
      update: { trustedKeys: options.trustedKeys ?? [KEY.trusted] },
    },
    updates: {
      openDisk: (use) => target.openDisk(use),
      ...(options.idleMs === undefined ? {} : { idleMs: options.idleMs }),
    },
    time: { ...exampleTime(), synchronised: options.isClockSet ?? true },
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  });
  t.after(async () => {
    await device.close();
    assert.equal(target.openCount, 0);
    target.remove();
  });
  const to = (method: string, path: string, body: string | Uint8Array, headers: Record<string, string>) =>
    ask(device.url, path, { method, body, headers: { ...basic(TEST_PASSWORD), ...headers } });
  const updated: UpdateDevice = {
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
      updated.put(id, zstdCompressSync(await streamOf(image, indexes)), ZSTD),
    put: (id, body, headers = {}) => to('PUT', UPDATE_API.chunks(id), body, headers),
    open: (id, headers = {}) => openTransfer(`${device.url}${UPDATE_API.chunks(id)}`, headers),
    remove: (id) => to('DELETE', UPDATE_API.session(id), '', {}),
    async install(id) {
      const answer = await updated.post(UPDATE_API.install(id), {});
      assert.equal(answer.status, 200, answer.body);
      return answer.body
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as InstallEvent);
    },
    beginInstall: (id) =>
      http
        .request(`${device.url}${UPDATE_API.install(id)}`, {
          method: 'POST',
          agent: false,
          headers: basic(TEST_PASSWORD),
        })
        .end(),
    status: async () =>
      (await ask(device.url, UPDATE_API.update, { headers: basic(TEST_PASSWORD) })).json() as UpdateStatus,
  };
  return updated;
}

function openTransfer(url: string, headers: Record<string, string>): Transfer {
  const request = http.request(url, {
    method: 'PUT',
    agent: false,
    headers: { ...basic(TEST_PASSWORD), ...headers },
  });
  const answer = new Promise<{ status: number; body: string }>((resolve, reject) => {
    request.once('response', (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text));
      response.once('close', () => {
        resolve({ status: response.statusCode ?? 0, body });
      });
    });
    request.on('error', reject);
  });
  // The server may cut it off before the answer has been looked at.
  answer.catch(() => {});
  request.flushHeaders();
  return { request, answer };
}

export async function streamOf(image: TestImage, indexes: readonly number[]): Promise<Buffer> {
  const chunks = indexes.map((index) => ({ index, bytes: image.chunk(index) }));
  return Buffer.concat(await Array.fromAsync(encodeChunkStream(chunks)));
}

export function messageOf(answer: Answer): string {
  return (answer.json() as { error: { message: string } }).error.message;
}

export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(5);
}

/** Nothing of the update can be started, and whoever looks at the device sees that it works. */
export async function assertUnharmed(updated: UpdateDevice): Promise<void> {
  assert.equal((await ask(updated.device.url, '/health')).status, 200);
  const page = await ask(updated.device.url, '/api/v1/status', { headers: basic(TEST_PASSWORD) });
  assert.equal(page.status, 200);
  const { slots } = await updated.status();
  assert.deepEqual([slots.a?.buildId, slots.b], [OLD.manifest.buildId, null]);
  const rollback = await updated.post(UPDATE_API.rollback, { client: CLIENT });
  assert.deepEqual([rollback.status, updated.device.init.updateRequests], [409, []], rollback.body);
}
