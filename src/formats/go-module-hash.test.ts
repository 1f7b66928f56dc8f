import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { goModuleHash } from './go-module-hash.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const FILES = [
  { name: 'example.org/m@v1.0.0/vmlinuz', sha256: sha256('kernel') },
  { name: 'example.org/m@v1.0.0/LICENSE', sha256: sha256('licence') },
];

test('goModuleHash hashes the list that sha256sum prints', () => {
  // printf licence | sha256sum, printf kernel | sha256sum; both lines with the names | sha256sum | xxd -r -p | base64
  assert.equal(goModuleHash(FILES), 'h1:TjODIkrN3RDf9ByC3gjbsqCQsxS5but5C4+m+kn89ho=');
});

test('goModuleHash does not depend on the order of the files, which it sorts by bytes', () => {
  assert.equal(goModuleHash(FILES.toReversed()), goModuleHash(FILES));
  // In UTF-16, U+1F600 sorts before U+FF5E; in UTF-8 it is the other way round, as for Go.
  const [first, second] = ['m@v1/\u{ff5e}', 'm@v1/\u{1f600}'].map((name) => ({ name, sha256: sha256(name) }));
  assert.ok(first && second);
  const list = `${first.sha256}  ${first.name}\n${second.sha256}  ${second.name}\n`;
  const expected = `h1:${createHash('sha256').update(list).digest('base64')}`;
  assert.equal(goModuleHash([second, first]), expected);
});

test('goModuleHash refuses a file name that would forge a line', () => {
  assert.throws(() => goModuleHash([{ name: 'a\nb', sha256: '' }]), {
    name: 'TypeError',
    message: 'Cannot hash Go module: the file name "a\\nb" has a newline',
  });
});
