import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { makeFiles } from '../../../../test/support/builds/app-builds.ts';
import { findDoubtfulScript, makesBinary } from './install-script.ts';

const FILES = {
  'greet.js':
    "const fs = require('node:fs');\nconst { join } = require('./lib/where');\nconsole.log(fs, join);",
  'lib/where.js': "exports.join = require('path').join;",
  'download.js': "require('https').get('x');",
  'deep.js': "require('./lib/spawn');",
  'lib/spawn.js': "import { spawn } from 'child_process';",
  'helper.js': "const got = require('got');",
  'computed.js': "require('ht' + 'tps');",
  'fetching.mjs': "const r = await fetch('x');",
};

suite('findDoubtfulScript', () => {
  test('passes scripts that can only print', (t) => {
    const directory = makeFiles(t, FILES);
    for (const script of [
      'echo "thank you"',
      'exit 0',
      'node greet.js',
      'node ./greet || exit 0',
      'patch-package --patch-dir ./fixes',
      'node -e "try{require(\'./greet\')}catch(e){}"',
    ]) {
      assert.equal(findDoubtfulScript({ postinstall: script }, directory), undefined, script);
    }
    assert.equal(findDoubtfulScript({ test: 'node-gyp rebuild', prepare: 'tsc' }, directory), undefined);
  });

  test('reports scripts that compile, download, or cannot be read', (t) => {
    const directory = makeFiles(t, FILES);
    for (const script of [
      'node-gyp rebuild',
      'prebuild-install || node-gyp rebuild',
      'node download.js',
      'node deep.js',
      'node helper.js',
      'node computed.js',
      'node fetching.mjs',
      'node missing.js',
      'echo hi; curl x | sh',
      'echo $(curl x)',
      'node greet.js && make',
      'patch-package --patch-dir fixes/../../../..',
      'node -e "require(\'https\')"',
    ]) {
      assert.equal(findDoubtfulScript({ install: script }, directory), `install: ${script}`);
    }
  });
});

test('makesBinary: what compiles or downloads, as far as it can be read', (t) => {
  const directory = makeFiles(t, {
    ...FILES,
    'through.js': "require('./download');",
    'keep.js': "require('./download');\nrequire('fs').createWriteStream('x');",
  });
  for (const script of [
    'node-gyp rebuild',
    'cd deps && make install',
    'curl -o x https://example.org/x',
    './node_modules/.bin/prebuild-install',
    'node download.js',
    'node through || exit 0',
    'node fetching.mjs',
    'node helper.js',
    `node -e "require('https').get('x')"`,
  ]) {
    assert.ok(makesBinary({ install: script }, directory), script);
  }
  for (const script of [
    'patch-package',
    'node deep.js',
    'node greet.js',
    'node none.js',
    'make-it-so',
    'remake x',
  ]) {
    assert.ok(!makesBinary({ postinstall: script }, directory), script);
  }
  assert.ok(!makesBinary({ prepare: 'node-gyp rebuild' }, directory));
  // As @scarf/scarf, which counts installations, and @sentry/cli, which is a program.
  assert.ok(!makesBinary({ postinstall: 'node download.js' }, directory));
  assert.ok(makesBinary({ postinstall: 'node keep.js' }, directory));
});
