// What a device refuses, asked by somebody who knows the password: images that are signed and not for it, and chunk
// streams that are not what they should be. Each with its code and its sentence; none leaves a trace.

import assert from 'node:assert/strict';
import { zstdCompressSync } from 'node:zlib';

import type { WebError } from '../../../src/shared/api/refusals.ts';
import type { Manifest } from '../../../src/shared/manifest/manifest.ts';
import { UPDATE_API, type UpdateOffer } from '../../../src/shared/update/update-api.ts';
import type { LabAnswer } from './lab-page.ts';
import type { SignedImage } from './tampered-requests.ts';
import type { SignableImage, UpdateLab } from './update-lab.ts';

const MIB = 1024 * 1024;
const STRANGER = { id: 'stranger', name: 'stranger' };
/** A computer with an older tsk says so beside the image. */
const INSISTING = { allowDowngrade: true, allowRename: true };

export async function refusesOldAndForeign(lab: UpdateLab): Promise<void> {
  const image = await lab.buildSigned();
  const { newestSignedAtSec = 0 } = await lab.updateStatus();
  const nowSec = Math.floor(Date.now() / 1000);
  const manifest = JSON.parse(image.manifest) as Manifest;
  const changed = (changes: Partial<Manifest>): SignedImage => {
    const text = `${JSON.stringify({ ...manifest, ...changes })}\n`;
    return { manifest: text, signatures: image.sign(nowSec, { of: text }) };
  };
  const other = manifest.arch === 'amd64' ? 'arm64' : 'amd64';
  const crossed = changed({ board: `pc-${other}`, arch: other });
  const renamed = changed({ hostname: 'shed' });
  const replayed = { manifest: image.manifest, signatures: image.sign(newestSignedAtSec - 1) };
  const spent = { downgradeFromSec: newestSignedAtSec - 1, renameFrom: null };
  const again = {
    manifest: image.manifest,
    signatures: image.sign(newestSignedAtSec - 1, { permitted: spent }),
  };
  const large = changed({ minLayout: { ...manifest.minLayout, rootPartitionBytes: 4096 * MIB } });
  for (const [sent, code, says] of [
    [replayed, 'image-older', /before the newest one that was confirmed here/],
    [again, 'image-older', /before the newest one that was confirmed here/],
    [crossed, 'image-board', new RegExp(`is for a pc-${other}, and this is a ${manifest.board}`)],
    [renamed, 'image-hostname', new RegExp(`is for the device "shed", and this is "${manifest.hostname}"`)],
    [large, 'image-layout', /needs a root partition of 4096 MiB/],
  ] as const) {
    const answer = await lab.page.post(UPDATE_API.update, { client: STRANGER, ...sent, ...INSISTING });
    refused(answer, 422, code, says);
  }
}

export async function refusesDamagedChunks(lab: UpdateLab): Promise<void> {
  const { page } = lab;
  const image = await lab.buildSigned();
  const { manifest } = image;
  const signatures = image.sign(Math.floor(Date.now() / 1000));
  const bomb = zstdCompressSync(JSON.stringify({ client: STRANGER, manifest: ' '.repeat(64 * MIB) }));
  const json = { 'content-type': 'application/json' };
  const large = await page.ask('POST', UPDATE_API.update, bomb, { ...json, 'content-encoding': 'zstd' });
  refused(large, 413, 'too-large', /larger than/);

  const begun = await page.post(UPDATE_API.update, { client: STRANGER, manifest, signatures });
  assert.equal(begun.status, 201, begun.body);
  const { id, missingChunks } = JSON.parse(begun.body) as UpdateOffer;
  assert.ok(missingChunks.length > 0);
  const second = { id: 'second', name: 'second' };
  const busy = await page.post(UPDATE_API.update, { client: second, manifest, signatures });
  refused(busy, 409, 'update-busy', /^stranger updates this device since/);

  const start = Buffer.from('TSKC\u0001\0\0\0', 'latin1');
  const [index = 0] = missingChunks;
  const end = chunk(0xffffffff, Buffer.alloc(0));
  end.writeUInt32LE(0x7fffffff, 4);
  const longest = Buffer.alloc(8, 0xff);
  longest.writeUInt32LE(index, 0);
  for (const [what, body, isZstd, says] of [
    ['cut', Buffer.concat([start, chunk(index, Buffer.alloc(1000))]).subarray(0, 500), false, /cut off at/],
    [
      'of other bytes',
      Buffer.concat([start, chunk(index, Buffer.alloc(1000))]),
      false,
      /has 1000 bytes, not/,
    ],
    ['of a chunk that is none', Buffer.concat([start, chunk(1e9, Buffer.alloc(9))]), false, /no such chunk/],
    ['of more chunks than came', Buffer.concat([start, end]), false, /2147483647/],
    ['of a chunk of 4 GiB', Buffer.concat([start, longest]), false, /4294967295/],
    ['a bomb', zstdCompressSync(Buffer.alloc(512 * MIB)), true, /does not start like one/],
  ] as const) {
    const type = { 'content-type': 'application/octet-stream' };
    const headers = isZstd ? { ...type, 'content-encoding': 'zstd' } : type;
    refused(await page.ask('PUT', UPDATE_API.chunks(id), body, headers), 422, 'chunk-damaged', says, what);
  }
  refused(await page.post(UPDATE_API.install(id), {}), 409, 'wrong-step', /chunks are missing/);
  refused(await page.post(UPDATE_API.try(id), { confirmBy: 'device' }), 409, 'wrong-step', /not installed/);
  assert.equal((await page.ask('DELETE', UPDATE_API.session(id))).status, 204);
  refused(await page.post(UPDATE_API.install(id), {}), 404, 'update-ended', /has ended it/);
}

export async function refusesDuringTrial(lab: UpdateLab, image: SignableImage): Promise<void> {
  const signatures = image.sign(Math.floor(Date.now() / 1000));
  const answer = await lab.page.post(UPDATE_API.update, {
    client: STRANGER,
    manifest: image.manifest,
    signatures,
  });
  refused(answer, 409, 'trial-going-on', /is on trial: it has to be confirmed or rolled back first/);
}

/** One chunk of a chunk stream: its index and length before its bytes (docs/update-protocol.md). */
function chunk(index: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(index, 0);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
}

function refused(
  { status, body }: LabAnswer,
  expected: number,
  code: string,
  says: RegExp,
  what = code,
): void {
  assert.equal(status, expected, `${what}: ${body}`);
  const { error } = JSON.parse(body) as WebError;
  assert.equal(error.code, code, `${what}: ${body}`);
  assert.match(error.message, says, what);
}
