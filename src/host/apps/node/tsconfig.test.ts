import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { emitsMetadata } from './tsconfig.ts';

const asks = (isOn: boolean, more = {}): string =>
  JSON.stringify({ ...more, compilerOptions: { emitDecoratorMetadata: isOn } });

function emits(t: TestContext, config: object, files: Readonly<Record<string, string>>): unknown {
  const directory = makeFiles(t, { ...files, 'src/tsconfig.json': JSON.stringify(config) });
  return emitsMetadata(join(directory, 'src/tsconfig.json'));
}

test('emitsMetadata: of a base, a file or a package, as TypeScript finds it', (t) => {
  const files = {
    'base.json': asks(true),
    'node_modules/@x/plain/tsconfig.json': asks(true),
    'node_modules/@x/plain/strict.json': asks(true),
    'node_modules/named/package.json': '{"name": "named", "main": "index.js", "tsconfig": "for-others.json"}',
    'node_modules/named/index.js': '',
    'node_modules/named/for-others.json': asks(true),
    'node_modules/exporting/package.json':
      '{"name": "exporting", "exports": {"./base": "./hidden/base.json"}}',
    'node_modules/exporting/hidden/base.json': asks(true),
    'node_modules/chained/tsconfig.json': '{"extends": "@x/plain/tsconfig.json"}',
  };
  for (const base of [
    '../base.json',
    '../base',
    '@x/plain/tsconfig.json',
    '@x/plain',
    '@x/plain/strict',
    'named',
    'exporting/base',
    'chained',
    ['@x/plain', '../nowhere'],
  ])
    assert.equal(emits(t, { extends: base }, files), true, JSON.stringify(base));
  for (const base of ['../nowhere', 'nowhere', '@x/plain/nowhere', '../src', 1])
    assert.equal(emits(t, { extends: base }, files), undefined, JSON.stringify(base));
});

test('emitsMetadata: the file comes before its bases, and a later base before an earlier one', (t) => {
  const files = { 'on.json': asks(true), 'off.json': asks(false) };
  assert.equal(emits(t, { extends: ['../on.json', '../off.json'] }, files), false);
  assert.equal(emits(t, { extends: ['../off.json', '../on.json'] }, files), true);
  const own = { extends: '../on.json', compilerOptions: { emitDecoratorMetadata: false } };
  assert.equal(emits(t, own, files), false);
  assert.equal(emits(t, { extends: './tsconfig.json' }, files), undefined);
});
