import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  directory,
  file,
  imageInMemory,
  MemorySink,
  MTIME_SEC,
  sampleBytes,
  symlink,
} from '../../../test/support/formats/squashfs-image.ts';
import { sourceOfBytes, type ByteSource } from '../byte-source.ts';
import { openSquashfs, type SquashfsReader } from './reader.ts';
import {
  writeSquashfs,
  type PackedFile,
  type PackedFileStore,
  type SquashfsEntry,
  type SquashfsFile,
} from './writer.ts';
import { zlibCompressor } from './zlib-compressor.ts';

const BLOCK = 4096;

/** Path -> all that an image says of it. */
async function contentOf(reader: SquashfsReader): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  for await (const stat of reader.entries()) {
    const { inodeNumber: _, linkCount: __, sizeBytes: ___, path, ...rest } = stat;
    const content = stat.kind === 'file' ? hex(await reader.readFile(stat)) : undefined;
    found.set(path, { ...rest, content });
  }
  return found;
}

async function expectedContentOf(entries: readonly SquashfsEntry[]): Promise<Map<string, unknown>> {
  const expected = new Map<string, unknown>();
  for (const entry of entries) {
    const { path, kind, mode, uid, gid, mtimeSec } = entry;
    expected.set(path, {
      kind,
      mode,
      uid,
      gid,
      mtimeSec,
      content: kind === 'file' ? hex(await entry.content.read(0, entry.content.sizeBytes)) : undefined,
      ...(kind === 'symlink' ? { target: entry.target } : {}),
      ...(kind === 'char-device' || kind === 'block-device'
        ? { device: { major: entry.major, minor: entry.minor } }
        : {}),
    });
  }
  return expected;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function open(bytes: Uint8Array): Promise<SquashfsReader> {
  return openSquashfs(sourceOfBytes(bytes));
}

/** A cache in memory that records what it is asked. */
class MemoryStore implements PackedFileStore {
  readonly files = new Map<string, PackedFile>();
  readonly hits: string[] = [];

  async get(key: string): Promise<PackedFile | undefined> {
    const file = this.files.get(key);
    if (file) this.hits.push(key);
    return file;
  }
  async put(key: string, file: PackedFile): Promise<void> {
    this.files.set(key, file);
  }
}

const name = fc.oneof(
  fc.constantFrom('a', 'b', 'B', 'ä', 'z.txt', '€', '\u{1f600}', '\uffee', '...', ' '),
  fc.string({ minLength: 1, maxLength: 8 }).filter((s) => !/[/\0]/.test(s) && s !== '.' && s !== '..'),
  fc.constant('n'.repeat(256)),
);
const attributes = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_ffff }),
  gid: fc.constantFrom(0, 5, 0xffff_fffe),
  mtimeSec: fc.integer({ min: 0, max: 0xffff_ffff }),
});
/** Sizes at which blocks and fragments begin and end, and runs of zeros at some of them. */
const content = fc
  .tuple(
    fc.oneof(fc.constantFrom(0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK + 7), fc.nat(3 * BLOCK)),
    fc.nat(5),
    fc.constantFrom('sample', 'zeros', 'random', 'holes'),
  )
  .map(([sizeBytes, seed, kind]) => {
    const bytes = sampleBytes(kind === 'zeros' ? 0 : sizeBytes, seed);
    if (kind === 'zeros') return Buffer.alloc(sizeBytes);
    if (kind === 'holes') bytes.subarray(BLOCK, 3 * BLOCK).fill(0);
    if (kind === 'random') {
      for (let i = 0; i < bytes.length; i += 32) {
        bytes.set(
          createHash('sha256')
            .update(`${seed} ${i}`)
            .digest()
            .subarray(0, bytes.length - i),
          i,
        );
      }
    }
    return bytes;
  });
const leaf = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('file' as const), content, layer: fc.constantFrom('x', 'y') }),
  },
  fc.record({
    kind: fc.constant('symlink' as const),
    target: fc.string({ minLength: 1, maxLength: 40 }).filter((s) => !s.includes('\0')),
  }),
  fc.record({
    kind: fc.constantFrom('char-device' as const, 'block-device' as const),
    major: fc.nat(0xfff),
    minor: fc.nat(0xf_ffff),
  }),
);
const tree = fc
  .array(fc.tuple(fc.array(name, { maxLength: 3 }), name, leaf, attributes), { maxLength: 20 })
  .map((items) => {
    const entries = new Map<string, SquashfsEntry>([['/', directory('/', { mode: 0o711, uid: 7 })]]);
    for (const [parents, last, item, attributes] of items) {
      let path = '';
      for (const parent of parents) {
        if (entries.has(`${path}/${parent}`) && entries.get(`${path}/${parent}`)!.kind !== 'directory') break;
        path += `/${parent}`;
        if (!entries.has(path)) entries.set(path, directory(path, attributes));
      }
      path += `/${last}`;
      if (entries.has(path)) continue;
      if (item.kind === 'file') {
        entries.set(path, { ...item, ...attributes, path, content: sourceOfBytes(item.content) });
      } else {
        entries.set(path, { ...item, ...attributes, path });
      }
    }
    return [...entries.values()];
  });

test('writeSquashfs writes what openSquashfs reads back, and the same bytes twice', async () => {
  await fc.assert(
    fc.asyncProperty(tree, async (entries) => {
      const options = { blockSizeBytes: BLOCK };
      const image = await imageInMemory(entries, options);
      assert.deepEqual(await contentOf(await open(image.bytes)), await expectedContentOf(entries));
      assert.deepEqual((await imageInMemory(entries, options)).bytes, image.bytes);
      assert.equal(image.bytes.length, image.sizeBytes);
      assert.equal(image.sizeBytes % 4096, 0);
    }),
    { seed: 20, numRuns: 60 },
  );
});

test('writeSquashfs gives extents that cover the image without gaps and end where blocks end', async () => {
  const { extents, sizeBytes } = await imageInMemory(
    [file('/a', sampleBytes(3 * BLOCK + 5)), file('/b', 'small'), file('/c', sampleBytes(2 * BLOCK, 9))],
    { blockSizeBytes: BLOCK },
  );
  let position = 0;
  for (const { offsetBytes, lengthBytes, blockBytes } of extents) {
    assert.equal(offsetBytes, position);
    assert.equal(
      blockBytes.reduce((sum, bytes) => sum + bytes, 0),
      lengthBytes,
    );
    position += lengthBytes;
  }
  assert.equal(position, sizeBytes);
  assert.deepEqual(
    extents.map(({ path, blockBytes }) => [path, blockBytes.length]),
    [
      [null, 1],
      ['/a', 4],
      ['/c', 2],
      [null, 1],
      [null, extents.at(-1)!.blockBytes.length],
    ],
  );
});

test('writeSquashfs makes a root directory when none is given', async () => {
  const reader = await open((await imageInMemory([])).bytes);
  const { mode, uid, mtimeSec, linkCount } = await reader.stat('/');
  assert.deepEqual(
    { mode, uid, mtimeSec, linkCount },
    { mode: 0o755, uid: 0, mtimeSec: MTIME_SEC, linkCount: 2 },
  );
  assert.deepEqual(await reader.list('/'), []);
});

test('writeSquashfs stores large duplicates once anywhere and small ones once in a layer', async () => {
  const large = sampleBytes(3 * BLOCK);
  const key = createHash('sha256').update(large).digest('hex');
  const entries = [
    file('/1', large, { layer: 'runtime', contentKey: key }),
    file('/2', large, { layer: 'app:a' }),
    file('/3', 'same', { layer: 'app:a' }),
    file('/4', 'same', { layer: 'app:a' }),
    file('/5', 'same', { layer: 'app:b' }),
  ];
  const { bytes, extents } = await imageInMemory(entries, { blockSizeBytes: BLOCK });
  const reader = await open(bytes);
  assert.deepEqual(await reader.readLayout('/2'), await reader.readLayout('/1'));
  assert.deepEqual(await reader.readLayout('/4'), await reader.readLayout('/3'));
  assert.notEqual(
    (await reader.readLayout('/5')).fragment!.index,
    (await reader.readLayout('/3')).fragment!.index,
  );
  assert.equal(extents.filter(({ path }) => path !== null).length, 1);
});

test('writeSquashfs shares no fragment block between layers, also when a layer comes back', async () => {
  const entries = ['x', 'y', 'x'].map((layer, i) => file(`/${i}`, `content ${i}`, { layer }));
  const reader = await open((await imageInMemory(entries)).bytes);
  const layouts = await Promise.all(entries.map(({ path }) => reader.readLayout(path)));
  assert.deepEqual(
    layouts.map(({ fragment }) => fragment!.index),
    [0, 1, 2],
  );
});

function threeLayers(changed: Record<string, Uint8Array> = {}): SquashfsFile[] {
  return ['runtime', 'app:a', 'app:b'].flatMap((layer, layerIndex) =>
    Array.from({ length: 50 }, (_, i) => {
      const path = `/${layer}-${i}`;
      const sizeBytes = i % 10 === 0 ? 3 * BLOCK + i : 100 + ((i * 37) % 900);
      return file(path, changed[path] ?? sampleBytes(sizeBytes, 1000 * layerIndex + i), { layer });
    }),
  );
}

test('writeSquashfs moves nothing that lies before a changed file', async () => {
  const before = await imageInMemory(threeLayers(), { blockSizeBytes: BLOCK });
  const changed = { '/app:b-10': sampleBytes(4 * BLOCK, 77) };
  const after = await imageInMemory(threeLayers(changed), { blockSizeBytes: BLOCK });
  const start = before.extents.find(({ path }) => path === '/app:b-10')!.offsetBytes;
  assert.ok(start > 20_000);
  assert.deepEqual(after.bytes.subarray(96, start), before.bytes.subarray(96, start));
});

test('writeSquashfs re-packs only fragments near a small file that grows', async () => {
  const options = { blockSizeBytes: BLOCK };
  const pieces = async (changed: Record<string, Uint8Array>): Promise<string[]> => {
    const { bytes, extents } = await imageInMemory(threeLayers(changed), options);
    return extents
      .slice(1, -1)
      .map(({ offsetBytes, lengthBytes }) => hex(bytes.subarray(offsetBytes, offsetBytes + lengthBytes)));
  };
  const before = await pieces({});
  const after = new Set(await pieces({ '/app:a-1': sampleBytes(700, 99) }));
  const lost = before.filter((piece) => !after.has(piece));
  assert.ok(before.length > 40);
  assert.ok(lost.length <= 3, `${lost.length} of ${before.length} pieces changed`);
});

async function refuseToCompress(): Promise<Uint8Array> {
  throw new Error('A block that the cache has is compressed again');
}

test('writeSquashfs takes unchanged files from the cache and writes the same bytes', async () => {
  const store = new MemoryStore();
  const options = { blockSizeBytes: BLOCK, packed: store };
  const large = sampleBytes(5 * BLOCK + 1);
  large.fill(0, BLOCK, 2 * BLOCK);
  const entries = [file('/large', large), file('/small', 'text'), file('/zeros', Buffer.alloc(2 * BLOCK))];
  const cold = await imageInMemory(entries, options);
  assert.deepEqual(store.hits, []);
  const warm = await imageInMemory(entries, { ...options, compress: refuseToCompress });
  assert.deepEqual(warm, cold);
  assert.deepEqual((await imageInMemory(entries, { blockSizeBytes: BLOCK })).bytes, cold.bytes);
});

test('writeSquashfs compresses again what the cache has for another block size or cut short', async () => {
  const large = sampleBytes(5 * BLOCK);
  const expected = await imageInMemory([file('/large', large)], { blockSizeBytes: BLOCK });
  const store = new MemoryStore();
  await imageInMemory([file('/large', large)], { blockSizeBytes: 2 * BLOCK, packed: store });
  const options = { blockSizeBytes: BLOCK, packed: store };
  assert.deepEqual((await imageInMemory([file('/large', large)], options)).bytes, expected.bytes);
  for (const packed of store.files.values()) packed.data = packed.data.subarray(1);
  assert.deepEqual((await imageInMemory([file('/large', large)], options)).bytes, expected.bytes);
});

test('writeSquashfs writes in ascending order, the superblock last', async () => {
  const sink = new MemorySink();
  await writeSquashfs([file('/a', sampleBytes(300_000)), file('/b', 'b')], sink, {
    mtimeSec: MTIME_SEC,
    compress: zlibCompressor(),
  });
  assert.deepEqual(sink.writes.at(-1), { offsetBytes: 0, lengthBytes: 96 });
});

test('writeSquashfs keeps a bounded number of blocks in flight and does not read a large file at once', async () => {
  let inFlight = 0;
  let most = 0;
  let longestRead = 0;
  const zlib = zlibCompressor(1);
  const part = sampleBytes(1024 * 1024);
  const source: ByteSource = {
    sizeBytes: 3 * part.length,
    async read(_, lengthBytes) {
      longestRead = Math.max(longestRead, lengthBytes);
      return part.subarray(0, lengthBytes);
    },
  };
  await imageInMemory([file('/a', source)], {
    blockSizeBytes: BLOCK,
    async compress(block) {
      most = Math.max(most, ++inFlight);
      const compressed = await zlib(block);
      inFlight--;
      return compressed;
    },
  });
  assert.ok(most > 1 && most <= Math.max(16, 2 * availableParallelism()), `${most} blocks in flight`);
  assert.ok(longestRead <= 1024 * 1024);
});

test('writeSquashfs fails with the cause when source, compressor, cache or sink fail, and then is silent', async (t) => {
  const broken = new Error('broken');
  const entries = [
    file('/ok', sampleBytes(40 * BLOCK)),
    ...Array.from({ length: 50 }, (_, i) => file(`/small${i}`, sampleBytes(2000, i))),
  ];
  await t.test('source', async () => {
    const source = { sizeBytes: 10 * BLOCK, read: async () => Promise.reject(broken) };
    await assert.rejects(imageInMemory([...entries, file('/bad', source)]), {
      message: 'Cannot add "/bad": its content cannot be read',
      cause: broken,
    });
  });
  await t.test('compressor', async () => {
    let calls = 0;
    const compress = async (block: Uint8Array): Promise<Uint8Array> => {
      if (++calls === 20) throw broken;
      return block;
    };
    await assert.rejects(imageInMemory(entries, { blockSizeBytes: BLOCK, compress }), broken);
  });
  await t.test('cache', async () => {
    const packed = { get: async () => undefined, put: async () => Promise.reject(broken) };
    await assert.rejects(imageInMemory(entries, { blockSizeBytes: BLOCK, packed }), broken);
  });
  await t.test('sink', async () => {
    let writes = 0;
    const write = async (): Promise<void> => {
      if (++writes >= 5) throw broken;
    };
    const options = { mtimeSec: 0, compress: zlibCompressor(1), blockSizeBytes: BLOCK };
    await assert.rejects(writeSquashfs(entries, { write }, options), broken);
    assert.equal(writes, 5);
  });
});

test('writeSquashfs gives a large directory an index, and every name is found through it', async () => {
  const names = Array.from({ length: 900 }, (_, i) => `entry-${((i * 791) % 900).toString(36)}-${i % 3}`);
  const entries = [directory('/big'), ...names.map((name) => symlink(`/big/${name}`, name))];
  const reader = await open((await imageInMemory(entries)).bytes);
  assert.equal((await reader.list('/big')).length, names.length);
  for (const name of names.filter((_, i) => i % 9 === 0)) {
    assert.equal(await reader.readlink(`/big/${name}`), name);
  }
  for (const missing of ['a', 'entry-', 'entry-5', 'zzz']) {
    await assert.rejects(reader.stat(`/big/${missing}`), { code: 'ENOENT' });
  }
});

test('writeSquashfs says which block size it cannot write', async () => {
  for (const blockSizeBytes of [2048, 5000, 2 ** 21, 0]) {
    await assert.rejects(imageInMemory([], { blockSizeBytes }), {
      name: 'RangeError',
      message: `Cannot write squashfs blocks of ${blockSizeBytes} bytes: not a power of two from 4 KiB to 1 MiB`,
    });
  }
});
