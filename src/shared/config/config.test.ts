import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as v from 'valibot';
import { configSchema } from './config.ts';

test('configSchema: the smallest file and one with every kind of app', () => {
  const small = { hostname: 'garden', board: 'pc-amd64' };
  assert.deepEqual(v.parse(configSchema, small), small);
  const apps = { a: { node: './a.ts' }, b: { go: './b' }, c: { binary: './c-${arch}', args: ['x'] } };
  assert.deepEqual(v.parse(configSchema, { ...small, apps }), { ...small, apps });
});
