import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { fitsBoard, type NpmPackage, packageOwning, readNpmPackage } from './npm-package.ts';

function read(t: TestContext, json: object, files: Record<string, string> = {}): NpmPackage {
  const directory = makeFiles(t, { 'package.json': JSON.stringify(json), ...files });
  const found = readNpmPackage('x', directory);
  assert.ok(found);
  return found;
}

function at(path: string): ReturnType<typeof packageOwning> {
  return packageOwning(join('/', path));
}

test('packageOwning names the innermost package of a file', () => {
  assert.deepEqual(at('a/node_modules/b/lib/c.js'), { name: 'b', directory: join('/a/node_modules/b') });
  assert.deepEqual(at('a/node_modules/b/node_modules/@s/c/d.js')?.name, '@s/c');
  assert.deepEqual(at('a/node_modules/.pnpm/b@1/node_modules/b/c.js')?.name, 'b');
  assert.equal(at('a/src/main.ts'), undefined);
});

suite('readNpmPackage', () => {
  test('finds what shows that a package has native code', (t) => {
    const cases: readonly [object, Record<string, string>, RegExp][] = [
      [{ gypfile: true }, {}, /binding\.gyp/],
      [{}, { 'binding.gyp': '' }, /binding\.gyp/],
      [{ binary: { module_name: 'x' } }, {}, /"binary"/],
      [{ napi: { binaryName: 'x' } }, {}, /"napi"/],
      [{}, { 'prebuilds/linux-x64/x.node': '' }, /prebuilt/],
      [{ dependencies: { 'node-gyp-build': '4' } }, {}, /node-gyp-build/],
      [{ optionalDependencies: { '@x/y-linux-arm64-gnu': '1' } }, {}, /a package per platform/],
      [{}, { 'build/Release/x.node': '' }, /"build\/Release\/x\.node"/],
      [{ scripts: { install: 'prebuild-install || node-gyp rebuild' } }, {}, /install script compiles/],
      [
        { scripts: { postinstall: 'node lib/get' } },
        {
          'lib/get.js': "require('./x')",
          'lib/x.js': "require('https').get(x).pipe(fs.createWriteStream(y))",
        },
        /downloads/,
      ],
    ];
    for (const [json, files, because] of cases) {
      assert.match(read(t, json, files).nativeBecause ?? '', because);
    }
  });

  test('an install script alone is no native code', (t) => {
    const files = { 'hooks.js': "require('child_process').execSync('git config x y');" };
    for (const script of [
      'patch-package --reverse',
      'husky install',
      'node hooks.js',
      'node missing.js',
      'npm run make-it-so',
    ]) {
      const { nativeBecause, installScript } = read(t, { scripts: { postinstall: script } }, files);
      assert.deepEqual([nativeBecause, installScript], [undefined, `postinstall: ${script}`]);
    }
  });

  test('takes packages without native code for what they are', (t) => {
    for (const json of [
      { dependencies: { ms: '2' }, optionalDependencies: { fsevents: '2' } },
      { bin: { x: 'x.js' }, scripts: { postinstall: 'echo hi' } },
    ]) {
      const { nativeBecause, installScript } = read(t, json, { 'node_modules/y/y.node': '' });
      assert.deepEqual([nativeBecause, installScript], [undefined, undefined]);
    }
  });

  test('lists dependencies without those that only an installation can need', (t) => {
    const json = {
      dependencies: { ms: '2', 'node-addon-api': '8', extra: '1' },
      optionalDependencies: { extra: '1', nan: '2' },
      peerDependencies: { react: '*' },
      scripts: { install: 'node scripts/install.js' },
    };
    const { dependencies, buildTools } = read(t, json, {
      'binding.gyp': `"<!@(node -p 'require("node-addon-api").include')"`,
      'scripts/install.js': "require('node-addon-api');",
      'index.js': "// node-addon-api, see there\nrequire('./build/Release/x.node');",
      'node_modules/other/index.js': "require('nan');",
    });
    assert.deepEqual(dependencies, [
      { name: 'ms', isOptional: false },
      { name: 'extra', isOptional: true },
      { name: 'react', isOptional: true },
    ]);
    assert.deepEqual(buildTools, ['node-addon-api', 'nan']);
  });

  test("keeps of those what the package's own code names", (t) => {
    const json = { dependencies: { 'node-addon-api': '8', 'node-gyp': '12', nan: '2', 'cmake-js': '8' } };
    const { dependencies, buildTools } = read(t, json, {
      'lib/headers.cjs': "module.exports = require('node-addon-api').include;",
      'lib/gyp.mjs': 'export const path = import.meta.resolve("node-gyp/bin/node-gyp.js");',
      'bin/make': '#!/usr/bin/env node\nrequire(`nan`);',
    });
    assert.deepEqual(
      dependencies.map(({ name }) => name),
      ['node-addon-api', 'node-gyp', 'nan'],
    );
    assert.deepEqual(buildTools, ['cmake-js']);
  });

  test('keeps those of npm, which looks for them by paths', (t) => {
    const { dependencies } = read(t, { name: 'npm', dependencies: { 'node-gyp': '12' } });
    assert.deepEqual(dependencies, [{ name: 'node-gyp', isOptional: false }]);
  });
});

test("fitsBoard follows npm's rules for os, cpu and libc", (t) => {
  const fits = (json: object) => fitsBoard(read(t, json), BOARDS['pc-arm64']);
  assert.ok(fits({}));
  assert.ok(fits({ os: ['linux'], cpu: ['arm64', 'x64'], libc: 'glibc' }));
  assert.ok(fits({ os: ['!win32'], cpu: ['any'] }));
  assert.ok(!fits({ cpu: ['x64'] }));
  assert.ok(!fits({ cpu: ['!arm64'] }));
  assert.ok(!fits({ os: ['darwin'] }));
  assert.ok(!fits({ libc: ['musl'] }));
});
