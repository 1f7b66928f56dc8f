import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { MAX_CHUNK_BYTES } from '../../formats/chunk-stream.ts';
import { BOARD_IDS, BOARDS } from '../board/boards.ts';
import { type Manifest, MAX_MANIFEST_BYTES } from './manifest.ts';
import { parseManifest } from './parse-manifest.ts';

const SEED = 5;
const hash = (digit: string): string => digit.repeat(64);

const manifest: Manifest = {
  formatVersion: 1,
  buildId: hash('1'),
  hostname: 'garden',
  board: 'pc-amd64',
  arch: 'amd64',
  tskrazyVersion: '0.1.0',
  buildTimeSec: 1_790_000_000,
  components: { node: '26.10.0', 'boot-loader': '252.39-1~deb12u2' },
  kernelArgs: ['console=tty0', 'ro', 'x="a b"'],
  systemSha256: hash('2'),
  apps: [{ name: 'hello', kind: 'node', contentSha256: hash('3') }],
  bootFiles: [
    { path: 'vmlinuz', sizeBytes: 3, sha256: hash('4'), chunks: [{ lengthBytes: 3, sha256: hash('4') }] },
    { path: 'overlays/Empty.dtbo', sizeBytes: 0, sha256: hash('5'), chunks: [] },
  ],
  root: {
    sizeBytes: 10,
    sha256: hash('6'),
    chunks: [
      { lengthBytes: 4, sha256: hash('7') },
      { lengthBytes: 6, sha256: hash('8') },
    ],
  },
  minLayout: { rootPartitionBytes: 8192, bootPartitionBytes: 1_048_576 },
};

function encode(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

const [kernel, empty] = manifest.bootFiles as [Manifest['bootFiles'][number], Manifest['bootFiles'][number]];
const withPaths = (...paths: string[]) => ({ bootFiles: paths.map((path) => ({ ...empty, path })) });

test('parseManifest: all fields, and none that this version does not know', () => {
  assert.deepEqual(parseManifest(encode(manifest)), manifest);
  assert.deepEqual(parseManifest(encode({ ...manifest, later: { more: 1 } })), manifest);
});

test('parseManifest: names the field and its problem', () => {
  const [chunk] = manifest.root.chunks;
  const cases: [changes: object, message: RegExp][] = [
    [{ formatVersion: 2 }, /^Cannot read the manifest: formatVersion is not 1$/],
    [{ buildId: hash('1').slice(1) }, /buildId is not of the form/],
    [{ buildId: hash('A') }, /buildId is not/],
    [{ hostname: 'a b' }, /hostname is not/],
    [{ hostname: 'a'.repeat(65) }, /hostname is not/],
    [{ board: 'toaster' }, /board is not pc-amd64 or pc-arm64/],
    [{ arch: 'arm64' }, /arch is not amd64/],
    [{ tskrazyVersion: '' }, /tskrazyVersion/],
    [{ buildTimeSec: 2 ** 32 }, /buildTimeSec is 4294967296, not 0 to/],
    [{ buildTimeSec: 0.5 }, /buildTimeSec is not a whole number/],
    [{ components: [] }, /components is not an object/],
    [{ components: { Node: '1' } }, /components\["Node"\] is no component/],
    [{ components: { node: 1 } }, /components\["node"\] is not a string/],
    [{ components: Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`c${i}`, '1'])) }, /65 keys/],
    [{ kernelArgs: 'ro' }, /kernelArgs is not an array/],
    [{ kernelArgs: ['a b'] }, /kernelArgs has "a b", which is not one kernel argument/],
    [{ kernelArgs: ['ro\noptions x'] }, /kernelArgs\[0\] is not of the form/],
    [{ kernelArgs: ['root=/dev/sda'] }, /"root=\/dev\/sda", which depends on the slot/],
    [{ kernelArgs: ['tskrazy.slot=b'] }, /depends on the slot/],
    [{ kernelArgs: ['x'.repeat(999), 'x'.repeat(999)] }, /1999 characters together, more than 1900/],
    [{ systemSha256: null }, /systemSha256 is not a string/],
    [{ apps: [{ ...manifest.apps[0], name: '../x' }] }, /apps\[0\]\.name is not/],
    [{ apps: [...manifest.apps, ...manifest.apps] }, /apps has "hello" twice/],
    [{ bootFiles: undefined }, /bootFiles is not an array/],
    [{ bootFiles: [{ ...kernel, sizeBytes: 4 }] }, /bootFiles\[0\]\.chunks have 3 bytes, not 4/],
    [{ bootFiles: [{ ...kernel, sizeBytes: -3 }] }, /bootFiles\[0\]\.sizeBytes is -3/],
    [{ root: { ...manifest.root, chunks: [chunk] } }, /root\.chunks have 4 bytes, not 10/],
    [{ root: { ...manifest.root, chunks: [{ ...chunk, lengthBytes: 0 }] } }, /lengthBytes is 0, not 1 to/],
    [
      { root: { ...manifest.root, chunks: [{ ...chunk, lengthBytes: MAX_CHUNK_BYTES + 1 }] } },
      /root\.chunks\[0\]\.lengthBytes is 1048577/,
    ],
    [{ root: { ...manifest.root, chunks: [{ ...chunk, sha256: 'x' }] } }, /root\.chunks\[0\]\.sha256 is not/],
    [{ minLayout: { ...manifest.minLayout, rootPartitionBytes: 9 } }, /rootPartitionBytes is 9, not 10 to/],
    [{ minLayout: {} }, /minLayout\.rootPartitionBytes is not a whole number/],
  ];
  for (const [changes, message] of cases) {
    assert.throws(() => parseManifest(encode({ ...manifest, ...changes })), { name: 'SyntaxError', message });
  }
});

test('parseManifest: boot files stay in the directory of the slot, under names that FAT keeps', () => {
  for (const path of [
    '',
    '/vmlinuz',
    '..',
    '../b/vmlinuz',
    'a/../../x',
    './x',
    'a//b',
    'a/',
    'a\\b',
    'C:x',
    'x\0',
    'x\n',
    'x.',
    'x ',
    ' x',
    'a*',
    'é',
    'LONGFI~1.TXT',
    'dtb/longfi~12',
    'x'.repeat(201),
  ]) {
    assert.throws(() => parseManifest(encode({ ...manifest, ...withPaths(path) })), SyntaxError, path);
  }
  const clashes = [
    withPaths('vmlinuz', 'VMLINUZ'),
    withPaths('manifest.json'),
    withPaths('MANIFEST.SIG.JSON'),
    withPaths('Manifest.json/x'),
    withPaths('manifest.sig.json/x'),
    withPaths('dtb', 'DTB/x'),
    withPaths('dtb/x/y', 'dtb/X'),
  ];
  for (const changes of clashes) {
    assert.throws(() => parseManifest(encode({ ...manifest, ...changes })), /twice|both as a file/);
  }
});

test('parseManifest: not JSON, not text, not of a bearable size', () => {
  const cases: [Uint8Array, RegExp][] = [
    [new Uint8Array(), /it is not JSON/],
    [encode(manifest).subarray(1), /it is not JSON/],
    [Buffer.from([0x22, 0xff, 0x22]), /it is not JSON/],
    [Buffer.concat([Buffer.from('\uFEFF'), encode(manifest)]), /it is not JSON/],
    [encode([manifest]), /Cannot read the manifest: it is not an object/],
    [Buffer.from('['.repeat(500_000)), /it is not JSON/],
    [Buffer.alloc(MAX_MANIFEST_BYTES + 1, ' '), /it has 8388609 bytes, more than 8388608/],
  ];
  for (const [bytes, message] of cases) {
    assert.throws(() => parseManifest(bytes), { name: 'SyntaxError', message });
  }
});

const sha256 = fc.stringMatching(/^[0-9a-f]{64}$/);
const content = fc
  .array(fc.record({ lengthBytes: fc.integer({ min: 1, max: MAX_CHUNK_BYTES }), sha256 }), { maxLength: 5 })
  .chain((chunks) => {
    const sizeBytes = chunks.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    return fc.record({ sizeBytes: fc.constant(sizeBytes), sha256, chunks: fc.constant(chunks) });
  });
const anyManifest = fc
  .record({
    board: fc.constantFrom(...BOARD_IDS),
    buildTimeSec: fc.nat(0xffff_ffff),
    components: fc.dictionary(
      fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
      fc.stringMatching(/^[!-~]{1,30}$/),
      {
        noNullPrototype: true,
      },
    ),
    apps: fc.uniqueArray(
      fc.record({
        name: fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/),
        kind: fc.constant('go'),
        contentSha256: sha256,
      }),
      { selector: ({ name }) => name, maxLength: 5 },
    ),
    root: content,
    file: content,
  })
  .map(({ board, root, file, ...rest }) => ({
    ...manifest,
    ...rest,
    board,
    arch: BOARDS[board].goArch,
    root,
    bootFiles: [{ path: 'vmlinuz', ...file }],
    minLayout: { rootPartitionBytes: root.sizeBytes, bootPartitionBytes: 0 },
  }));

test('parseManifest: every manifest comes back as it was', () => {
  fc.assert(
    fc.property(anyManifest, (value) => {
      assert.equal(JSON.stringify(parseManifest(encode(value))), JSON.stringify({ ...value }));
    }),
    { seed: SEED, numRuns: 60 },
  );
});

test('parseManifest: a value put in place of another is refused as a whole, or read as it stands', () => {
  const paths = pathsOf(manifest);
  fc.assert(
    fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
      const changed = structuredClone(manifest) as unknown;
      replaceAt(changed, path, value);
      const bytes = encode(changed);
      try {
        assert.deepEqual(parseManifest(parseAndEncode(bytes)), parseManifest(bytes));
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { seed: SEED, numRuns: 300 },
  );
});

/** A manifest that was read is one that can be read. */
function parseAndEncode(bytes: Uint8Array): Uint8Array {
  return encode(parseManifest(bytes));
}

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return [[...path]];
  const below = Object.entries(value).flatMap(([key, child]) => pathsOf(child, [...path, key]));
  return path.length === 0 ? below : [[...path], ...below];
}

function replaceAt(value: unknown, path: readonly string[], replacement: unknown): void {
  const [key = '', ...rest] = path;
  const object = value as Record<string, unknown>;
  if (rest.length === 0) object[key] = replacement;
  else replaceAt(object[key], rest, replacement);
}
