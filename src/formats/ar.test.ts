import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { makeAr } from '../../test/support/formats/make-archives.ts';
import { readAr } from './ar.ts';
import { sourceOfBytes } from './byte-source.ts';

test('readAr lists members with their places, odd sizes included', async () => {
  const archive = makeAr({ 'debian-binary': Buffer.from('2.0'), 'data.tar.xz': Buffer.from('abcd') });
  const members = await readAr(sourceOfBytes(archive));
  assert.deepEqual(members, [
    { name: 'debian-binary', offsetBytes: 68, sizeBytes: 3 },
    { name: 'data.tar.xz', offsetBytes: 132, sizeBytes: 4 },
  ]);
  assert.equal(Buffer.from(archive.subarray(132, 136)).toString(), 'abcd');
});

test('readAr returns what was put in', async () => {
  const member = fc.tuple(fc.stringMatching(/^[a-z][a-z0-9.-]{0,14}$/), fc.uint8Array({ maxLength: 300 }));
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 6 }), async (wanted) => {
      const archive = makeAr(Object.fromEntries(wanted));
      const found = await readAr(sourceOfBytes(archive));
      assert.deepEqual(
        found.map(({ name, offsetBytes, sizeBytes }) => [
          name,
          Uint8Array.from(archive.subarray(offsetBytes, offsetBytes + sizeBytes)),
        ]),
        Object.entries(Object.fromEntries(wanted)).map(([name, bytes]) => [name, Uint8Array.from(bytes)]),
      );
    }),
    { seed: 4715, numRuns: 100 },
  );
});

test('readAr says what is wrong with an archive', async () => {
  const archive = makeAr({ 'debian-binary': Buffer.from('2.0\n'), 'data.tar': Buffer.alloc(100) });
  const messages = [
    [Buffer.from('PK\x03\x04 a zip file'), 'it does not start with "!<arch>"'],
    [archive.subarray(0, 90), 'it ends inside the member header at byte 72'],
    [archive.subarray(0, 150), 'member "data.tar" ends at byte 232, but the archive at 150'],
    [Buffer.concat([archive, Buffer.alloc(60)]), 'no member header at byte 232'],
  ] as const;
  for (const [bytes, message] of messages) {
    await assert.rejects(readAr(sourceOfBytes(bytes)), {
      name: 'SyntaxError',
      message: `Cannot read ar archive: ${message}`,
    });
  }
});
