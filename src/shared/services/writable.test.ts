import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWritablePath, nestedWritable, writableDirectory } from './writable.ts';

test('isWritablePath takes directories of the app alone', () => {
  for (const right of ['config', '.next/cache', 'node_modules/@x/y/data', 'a b', '...', 'ä'])
    assert.equal(isWritablePath(right), true, right);
  const wrong = ['', '/', '/etc', '.', '..', 'a/', 'a//b', 'a/..', 'a/./b', '../x', 'a\\b', 'a\0b', '\ud800'];
  for (const path of [...wrong, 'x'.repeat(256), `a/${'ü'.repeat(50)}`])
    assert.equal(isWritablePath(path), false, path);
});

test('writableDirectory is one name below what is root’s', () => {
  assert.equal(writableDirectory('site', '.next/cache'), '/perm/tskrazy/writable/site/.next%2Fcache');
  assert.notEqual(writableDirectory('site', 'a%2Fb'), writableDirectory('site', 'a/b'));
});

test('nestedWritable finds what lies in another, or stands twice', () => {
  assert.equal(nestedWritable(['a', 'ab', 'b/a']), undefined);
  assert.equal(nestedWritable(['a/b', 'a']), 'a/b');
  assert.equal(nestedWritable(['a', 'a']), 'a');
});
