import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import {
  formatLoaderConf,
  formatLoaderEntry,
  LOADER_ENTRY_BYTES,
  parseLoaderConf,
  parseLoaderEntry,
} from './loader-entry.ts';

test('formatLoaderConf: the slots differ by one letter', () => {
  const [a, b] = [formatLoaderConf('a'), formatLoaderConf('b')];
  assert.equal(a.length, b.length);
  assert.equal(a.split('').filter((letter, at) => letter !== b[at]).length, 1);
  assert.deepEqual([parseLoaderConf(a), parseLoaderConf(b)], ['a', 'b']);
});

test('parseLoaderConf reads what people write, and refuses what names no slot', () => {
  assert.equal(parseLoaderConf('# mine\n\ntimeout 3\n\tdefault   b.conf \t\n'), 'b');
  for (const text of ['', 'default\n', 'default a', 'default c.conf', 'default b*', '#default a.conf']) {
    assert.throws(() => parseLoaderConf(text), SyntaxError, text);
  }
});

test('a long padding in the middle of a line is read in no time', () => {
  // By a pattern that tries each blank as the end it took minutes, and the device starts no update in the meantime.
  const options = `ro${' '.repeat(400_000)}x`;
  assert.equal(parseLoaderEntry(`linux /a/vmlinuz\noptions ${options}\n`).options, options);
});

const WORD = fc.stringMatching(/^[!-~]{1,20}$/);

test('formatLoaderEntry and parseLoaderEntry: any command line, in the same size', () => {
  fc.assert(
    fc.property(fc.constantFrom('a', 'b'), fc.array(WORD, { minLength: 1, maxLength: 60 }), (slot, words) => {
      const text = formatLoaderEntry(slot, words.join(' '));
      assert.equal(Buffer.byteLength(text), LOADER_ENTRY_BYTES);
      assert.deepEqual(parseLoaderEntry(text), { linux: `${slot}/vmlinuz`, options: words.join(' ') });
    }),
    { seed: 5 },
  );
});

test('formatLoaderEntry fills any room with lines that a loader passes over, and says when there is too little', () => {
  const bareBytes = 'title tskrazy a\nlinux /a/vmlinuz\noptions ro\n'.length;
  for (let sizeBytes = bareBytes; sizeBytes < bareBytes + 100; sizeBytes++) {
    const text = formatLoaderEntry('a', 'ro', sizeBytes);
    assert.equal(text.length, sizeBytes);
    assert.match(text.slice(bareBytes), /^(\n*|#.*\n)$/);
  }
  assert.throws(() => formatLoaderEntry('a', 'ro', bareBytes - 1), RangeError);
});

test('formatLoaderEntry refuses a command line that a kernel would cut off', () => {
  assert.throws(() => formatLoaderEntry('a', 'x'.repeat(2048)), /has 2048 bytes; a kernel takes 2047/);
});

test('parseLoaderEntry refuses what starts no kernel', () => {
  assert.throws(() => parseLoaderEntry('title x\noptions ro\n'), SyntaxError);
  assert.throws(() => parseLoaderEntry('linux /a/vmlinuz\n#options ro\n'), SyntaxError);
});
