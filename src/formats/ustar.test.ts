import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { readTar, tarEnd, TarError, type TarEntry, tarHeader, tarPadding, TarTooLarge } from './ustar.ts';

const LIMITS = { maxEntries: 1000, maxBytes: 1e6 };

interface Packed {
  entry: TarEntry;
  content: Buffer;
}

function packed(path: string, kind: TarEntry['kind'] = 'file', content = '', target = ''): Packed {
  const bytes = Buffer.from(content);
  return { entry: { path, kind, mode: 0o755, sizeBytes: bytes.length, target }, content: bytes };
}

function tarOf(files: readonly Packed[]): Buffer {
  const parts = files.flatMap(({ entry, content }) => [
    tarHeader(entry),
    content,
    tarPadding(entry.sizeBytes),
  ]);
  return Buffer.concat([...parts, tarEnd()]);
}

async function* inPieces(bytes: Uint8Array, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function unpack(bytes: Uint8Array, { pieceBytes = 700, limits = LIMITS } = {}): Promise<Packed[]> {
  const found: Packed[] = [];
  for await (const event of readTar(inPieces(bytes, pieceBytes), limits))
    if (event.type === 'entry') found.push({ entry: event.entry, content: Buffer.alloc(0) });
    else found.at(-1)!.content = Buffer.concat([found.at(-1)!.content, event.bytes]);
  return found;
}

/** With its checksum made right again. */
function changed(bytes: Buffer, at: number, text: string): Buffer {
  const copy = Buffer.from(bytes);
  copy.write(text, at, 'latin1');
  copy.write('        ', 148);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return copy;
}

test('readTar returns what was packed, in pieces of any size', async () => {
  const part = fc.stringMatching(/^[a-zé][a-z0-9._-]{0,30}$/).filter((name) => name !== '.' && name !== '..');
  const path = fc.array(part, { minLength: 1, maxLength: 5 }).map((parts) => parts.join('/'));
  const file = fc
    .tuple(path, fc.string({ maxLength: 1500 }))
    .map(([name, text]) => packed(name, 'file', text));
  const link = fc.tuple(path, part).map(([name, target]) => packed(name, 'symlink', '', target));
  const directory = path.map((name) => packed(name, 'directory'));
  const files = fc.array(fc.oneof(file, link, directory), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(files, fc.integer({ min: 1, max: 2000 }), async (wanted, pieceBytes) => {
      assert.deepEqual(await unpack(tarOf(wanted), { pieceBytes }), wanted);
    }),
    { seed: 4715, numRuns: 100 },
  );
});

test('a path that is too long is refused when it is packed, and a long one is not', async () => {
  const long = packed(`${'a'.repeat(150)}/${'b'.repeat(100)}`);
  assert.deepEqual(await unpack(tarOf([long])), [long]);
  assert.throws(() => tarHeader(packed('a'.repeat(101)).entry), RangeError);
  assert.throws(() => tarHeader(packed('a', 'symlink', '', 'b'.repeat(101)).entry), RangeError);
});

test('what is no tar of this form, or leads elsewhere, is refused', async () => {
  const whole = tarOf([packed('usr/x', 'file', 'content')]);
  const cases: [Buffer, RegExp][] = [
    [whole.subarray(0, 300), /breaks off$/],
    [whole.subarray(0, 515), /breaks off in "usr\/x"$/],
    [whole.subarray(0, 520), /breaks off$/],
    [Buffer.from(whole).fill(1, 0, 1), /damaged$/],
    [Buffer.alloc(1024, 'x'), /no tar of this form$/],
    [changed(whole, 0, '/sr'), /has the path/],
    [changed(whole, 0, '../x\0'), /has the path/],
    [changed(whole, 0, 'a/./x\0'), /has the path/],
    [changed(whole, 0, '\0'), /has the path/],
    [changed(whole, 0, '\xff'), /no UTF-8$/],
    [changed(whole, 156, '1'), /no file, directory or symbolic link$/],
    [changed(whole, 156, '3'), /no file, directory or symbolic link$/],
    [changed(whole, 156, 'x'), /no file, directory or symbolic link$/],
    [changed(whole, 156, '2'), /wrong target$/],
    [changed(whole, 156, '5'), /has content$/],
    [changed(whole, 124, '-0000000001'), /malformed$/],
    [Buffer.concat([whole, Buffer.from('x')]), /something follows the end/],
  ];
  for (const [bytes, message] of cases)
    await assert.rejects(
      unpack(bytes),
      (error: Error) => error instanceof TarError && message.test(error.message),
      String(message),
    );
});

test('more than the reader takes is refused before it is read', async () => {
  const tar = tarOf([packed('a', 'file', 'x'.repeat(100)), packed('b', 'file', 'x'.repeat(100))]);
  await assert.rejects(unpack(tar, { limits: { maxEntries: 1, maxBytes: 1e6 } }), TarTooLarge);
  await assert.rejects(unpack(tar, { limits: { maxEntries: 9, maxBytes: 199 } }), TarTooLarge);
  assert.equal((await unpack(tar, { limits: { maxEntries: 2, maxBytes: 200 } })).length, 2);
});
