// What comes with an update: the request of whoever knows the password, the manifest and signatures that anybody may have
// made, the stream of chunks, and what the device itself has noted of an earlier attempt.

import { generateKeyPairSync, sign } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { parseTrialMemory } from '../../../src/device/init/update/trial-memory.ts';
import { inflateZstd } from '../../../src/device/update/inflate-zstd.ts';
import { readPlaceRecord, writePlaceRecord } from '../../../src/device/update/place-record.ts';
import {
  readConfirmRequest,
  readRollbackRequest,
  readTryRequest,
  readUpdateRequest,
} from '../../../src/device/update/read-request.ts';
import { BadStream } from '../../../src/device/update/update-refusal.ts';
import { deviceOfBytes } from '../../../src/formats/byte-source.ts';
import { ChunkStreamDecoder, encodeChunkStream } from '../../../src/formats/chunk-stream.ts';
import { parseInspectRequest } from '../../../src/shared/debug/debug-api.ts';
import { parsePermit } from '../../../src/shared/permit/permit.ts';
import type { Manifest } from '../../../src/shared/manifest/manifest.ts';
import {
  formatSignatures,
  keyIdOf,
  SignatureError,
  signedText,
  verifyManifest,
} from '../../../src/shared/manifest/manifest-signature.ts';
import { parseManifest } from '../../../src/shared/manifest/parse-manifest.ts';
import { type FuzzTarget, isSyntaxError, json, type Outcome } from '../fuzz-target.ts';

const hash = (digit: string): string => digit.repeat(64);

const MANIFEST: Manifest = {
  formatVersion: 1,
  buildId: hash('1'),
  hostname: 'garden',
  board: 'pc-amd64',
  arch: 'amd64',
  tskrazyVersion: '0.1.0',
  buildTimeSec: 1_790_000_000,
  components: { node: '26.10.0' },
  kernelArgs: ['console=tty0', 'ro'],
  systemSha256: hash('2'),
  apps: [{ name: 'hello', kind: 'node', contentSha256: hash('3') }],
  bootFiles: [
    { path: 'vmlinuz', sizeBytes: 3, sha256: hash('4'), chunks: [{ lengthBytes: 3, sha256: hash('4') }] },
  ],
  root: { sizeBytes: 4, sha256: hash('6'), chunks: [{ lengthBytes: 4, sha256: hash('7') }] },
  minLayout: { rootPartitionBytes: 8192, bootPartitionBytes: 1_048_576 },
};

const MANIFEST_BYTES = json(MANIFEST);
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keyBytes = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
const TRUSTED = { id: keyIdOf(keyBytes), publicKey: keyBytes.toString('base64') };
const SIGNED_AT_SEC = 1_790_000_000;
const SIGNATURES = formatSignatures({
  formatVersion: 1,
  signedAtSec: SIGNED_AT_SEC,
  signatures: [
    {
      keyId: TRUSTED.id,
      signature: sign(null, signedText(MANIFEST_BYTES, SIGNED_AT_SEC), privateKey).toString('base64'),
    },
  ],
});

const CLIENT = { id: 'laptop', name: 'me@laptop' };
const REQUESTS = [
  {
    client: CLIENT,
    manifest: '{}',
    signatures: '{}',
    allowDowngrade: true,
    allowRename: false,
    forceReboot: true,
  },
  { confirmBy: 'device' },
  { buildId: hash('a'), client: CLIENT },
  { client: CLIENT },
];

const RECORD = {
  id: 't1',
  mode: 'reboot',
  who: 'me',
  fromBuildId: hash('1'),
};
const MEMORY = {
  formatVersion: 1,
  pending: {
    ...RECORD,
    slot: 'b',
    buildId: hash('2'),
    confirmBy: 'client',
    changedApps: ['a'],
    askedAtMs: 1,
    askedBootId: 'x',
    before: {
      network: { ipv4: true, ipv6: false },
      waiting: ['a'],
      unwell: [{ name: 'a', why: 'b', isExcused: true }],
    },
    startedBootId: null,
    ending: { atMs: 1, reason: 'r', lastLines: { of: 'a', lines: ['x'] } },
    isSecondTry: false,
    returns: 0,
  },
  history: [],
};

const CHUNKS = [
  { index: 0, bytes: Buffer.from('first') },
  { index: 7, bytes: Buffer.alloc(3000, 'second') },
];

async function chunkStream(): Promise<Uint8Array> {
  return Uint8Array.from(Buffer.concat(await Array.fromAsync(encodeChunkStream(CHUNKS))));
}

/** In pieces whose sizes the input chooses, as the network does. */
function* inPieces(input: Uint8Array): Generator<Uint8Array> {
  for (let at = 0, length = 1; at < input.length; at += length) {
    length = 1 + ((input[at] ?? 0) % 97) * ((input[at] ?? 0) % 11);
    yield input.subarray(at, at + length);
  }
}

function readChunks(pieces: Iterable<Uint8Array>): Outcome {
  const decoder = new ChunkStreamDecoder();
  let count = 0;
  for (const piece of pieces) {
    for (const { bytes } of decoder.push(piece)) count += Math.sign(bytes.length);
  }
  decoder.end();
  return `${count} chunks`;
}

/** Of a body that unpacks without end, only so much is taken: as the receiver does, which stops where a chunk is not one. */
const MAX_TAKEN_BYTES = 8 * 1024 * 1024;

async function inflate(input: Uint8Array): Promise<Outcome> {
  let takenBytes = 0;
  async function* arriving(): AsyncGenerator<Uint8Array> {
    yield* inPieces(input);
  }
  for await (const piece of inflateZstd(arriving())) {
    takenBytes += piece.length;
    if (takenBytes > MAX_TAKEN_BYTES) return 'too much';
  }
  return `${Math.min(3, takenBytes)}`;
}

const PARTITION_BYTES = 64 * 1024;
const MAX_RECORD_BYTES = 2 * 4096;

/** The end of a small partition, where the records lie. */
async function placeRecords(): Promise<Uint8Array> {
  const bytes = new Uint8Array(PARTITION_BYTES);
  const device = deviceOfBytes(bytes);
  const place = { sha256: hash('a'), offsetBytes: 4096, lengthBytes: 100 };
  const first = await writePlaceRecord(device, [place, place], undefined);
  await writePlaceRecord(device, [place], first);
  return bytes.slice(-MAX_RECORD_BYTES);
}

export const UPDATE_TARGETS = {
  manifest: {
    corpus: () => [MANIFEST_BYTES],
    run: (input) => parseManifest(input).board,
    refuses: isSyntaxError,
    form: 'JSON',
  },
  permit: {
    corpus: () =>
      (['inspect', 'breakglass'] as const).map((purpose) =>
        json({
          purpose,
          challenge: 'ab'.repeat(32),
          request: JSON.stringify({ app: 'sensor', client: 'me@laptop' }),
          signatures: [{ keyId: '0123456789abcdef', signature: `${'C'.repeat(86)}==` }],
        }),
      ),
    run: (input) => {
      const { purpose, request } = parsePermit(input);
      return `${purpose} ${parseInspectRequest(request).app === 'sensor'}`;
    },
    refuses: isSyntaxError,
    form: 'JSON',
  },
  signatures: {
    corpus: () => [SIGNATURES],
    run: (input) => {
      const { keyId, signedAtSec } = verifyManifest(MANIFEST_BYTES, input, [TRUSTED], SIGNED_AT_SEC);
      // What is signed is the time, too.
      if (keyId !== TRUSTED.id || signedAtSec !== SIGNED_AT_SEC)
        throw new Error(`Believed ${keyId} at ${signedAtSec}`);
      return undefined;
    },
    refuses: (error) => error instanceof SignatureError,
    form: 'JSON',
  },
  'update-request': {
    corpus: () => REQUESTS.map(json),
    run: (input) => {
      const taken = [readUpdateRequest, readTryRequest, readConfirmRequest, readRollbackRequest].flatMap(
        (read) => {
          try {
            read(input);
            return [read.name];
          } catch (error) {
            if (!isSyntaxError(error)) throw error;
            return [];
          }
        },
      );
      if (taken.length === 0) throw new SyntaxError('None of them takes it');
      return taken.join();
    },
    refuses: isSyntaxError,
    form: 'JSON',
  },
  'update-memory': {
    corpus: () => [json(MEMORY), json({ ...MEMORY, pending: null })],
    run: (input) => `${parseTrialMemory(input).history.length}`,
    refuses: isSyntaxError,
    form: 'JSON',
  },
  chunks: {
    corpus: async () => [await chunkStream()],
    run: (input) => readChunks(inPieces(input)),
    refuses: isSyntaxError,
  },
  zstd: {
    corpus: async () => [
      Uint8Array.from(zstdCompressSync(await chunkStream())),
      Uint8Array.from(zstdCompressSync(Buffer.alloc(100_000, 'a'))),
      Uint8Array.from(Buffer.concat([zstdCompressSync('one'), zstdCompressSync('two')])),
    ],
    run: inflate,
    refuses: (error) => error instanceof BadStream,
  },
  'place-record': {
    corpus: async () => [await placeRecords()],
    run: async (input) => {
      const bytes = new Uint8Array(PARTITION_BYTES);
      bytes.set(input.subarray(0, MAX_RECORD_BYTES), PARTITION_BYTES - MAX_RECORD_BYTES);
      const record = await readPlaceRecord(deviceOfBytes(bytes));
      return record && `${record.places.length} ${record.area}`;
    },
    refuses: () => false,
  },
} satisfies Record<string, FuzzTarget>;
