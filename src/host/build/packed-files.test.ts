import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import * as fc from 'fast-check';
import type { PackedFile } from '../../formats/squashfs/writer.ts';
import { decodePackedFile, encodePackedFile, packedFileDirectory, packedFileStore } from './packed-files.ts';

const packedFile: fc.Arbitrary<PackedFile> = fc.record({
  blockWords: fc.uint32Array({ maxLength: 20 }),
  data: fc.uint8Array({ maxLength: 300 }),
});

/** Buffers and arrays of bytes compare as different things. */
function plain({ blockWords, data }: PackedFile): unknown {
  return { blockWords: [...blockWords], data: [...data] };
}

function makeDirectory(t: TestContext): string {
  const cache = mkdtempSync(join(tmpdir(), 'tsk-packed-'));
  t.after(() => rmSync(cache, { recursive: true }));
  return packedFileDirectory(cache, 'zlib-6');
}

test('decodePackedFile gives back what encodePackedFile took', () => {
  const property = fc.property(packedFile, (file) => {
    const decoded = decodePackedFile(encodePackedFile(file));
    assert.deepEqual(decoded && plain(decoded), plain(file));
  });
  fc.assert(property, { seed: 1 });
});

test('decodePackedFile takes nothing that was damaged or cut off', () => {
  const property = fc.property(packedFile, fc.nat(), fc.integer({ min: 1, max: 255 }), (file, at, mask) => {
    const bytes = encodePackedFile(file);
    const index = at % bytes.length;
    assert.equal(decodePackedFile(bytes.subarray(0, index)), undefined);
    bytes[index]! ^= mask;
    assert.equal(decodePackedFile(bytes), undefined);
  });
  fc.assert(property, { seed: 2 });
});

test('packedFileStore keeps large files and takes a damaged one for absent', async (t) => {
  const directory = makeDirectory(t);
  const store = packedFileStore(directory);
  const file = { blockWords: Uint32Array.of(10_000), data: Buffer.alloc(10_000, 7) };
  assert.equal(await store.get('key'), undefined);
  await store.put('key', file);
  await store.put('small', { blockWords: Uint32Array.of(5), data: Buffer.alloc(5) });
  assert.deepEqual(readdirSync(directory), ['key']);
  assert.deepEqual(plain((await store.get('key'))!), plain(file));

  const damaged = readFileSync(join(directory, 'key'));
  damaged[damaged.length - 1]! ^= 1;
  writeFileSync(join(directory, 'key'), damaged);
  assert.equal(await store.get('key'), undefined);
  await store.put('key', file);
  assert.deepEqual(plain((await store.get('key'))!), plain(file));
});

test('packedFileStore goes without where it cannot write', async (t) => {
  const cache = mkdtempSync(join(tmpdir(), 'tsk-packed-'));
  t.after(() => rmSync(cache, { recursive: true }));
  writeFileSync(join(cache, 'packed'), 'a file, where a directory should be');
  const store = packedFileStore(packedFileDirectory(cache, 'zlib-6'));
  await store.put('key', { blockWords: Uint32Array.of(10_000), data: Buffer.alloc(10_000) });
  assert.equal(await store.get('key'), undefined);
});
