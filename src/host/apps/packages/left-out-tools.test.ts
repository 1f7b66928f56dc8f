import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { leftOutTools } from './left-out-tools.ts';
import { type NpmPackage, readNpmPackage } from './npm-package.ts';

const needs = (...names: readonly string[]): string =>
  JSON.stringify({ dependencies: Object.fromEntries(names.map((name) => [name, '1'])) });

test('leftOutTools: each package once, unless another brings it along', (t) => {
  const directory = makeFiles(t, {
    'node_modules/a/package.json': needs('nan', 'node-gyp'),
    'node_modules/b/package.json': needs('nan', 'cmake-js'),
    'node_modules/nan/package.json': '{}',
    'node_modules/nan/nan.h': '12345678',
    'node_modules/nan/node_modules/x/index.js': 'not its own',
    'node_modules/node-gyp/package.json': '{}',
  });
  const read = (name: string): NpmPackage => {
    const found = readNpmPackage(name, join(directory, 'node_modules', name));
    assert.ok(found);
    return found;
  };
  const all = [read('a'), read('b'), read('node-gyp')];
  assert.deepEqual(leftOutTools(all), [
    { reason: 'build tool', path: join(directory, 'node_modules/nan'), sizeBytes: 10, packageName: 'a' },
  ]);
});
