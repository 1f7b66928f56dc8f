import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultCacheDirectory } from './cache-directory.ts';

test('defaultCacheDirectory follows XDG_CACHE_HOME, then HOME', () => {
  assert.equal(defaultCacheDirectory({ XDG_CACHE_HOME: '/c', HOME: '/h' }), '/c/tskrazy');
  assert.equal(defaultCacheDirectory({ HOME: '/h' }), '/h/.cache/tskrazy');
});
