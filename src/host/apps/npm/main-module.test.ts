import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { makeFiles, userError } from '../../../../test/support/builds/app-builds.ts';
import { type MainModule, mainModule } from './main-module.ts';

function mainOf(...[t, json, files, names]: Parameters<typeof moduleOf>): string {
  return moduleOf(t, json, files, names).path;
}

function moduleOf(
  t: TestContext,
  json: object,
  files: Readonly<Record<string, string>> = {},
  { packageName = 'tool', bin }: { packageName?: string; bin?: string } = {},
): MainModule {
  const directory = makeFiles(t, { 'package.json': JSON.stringify(json), ...files });
  return mainModule({ appName: 'app', packageName, bin, directory });
}

suite('mainModule', () => {
  test('is what a shell or require would take', (t) => {
    const files = { 'a.js': '#!/usr/bin/env node\n', 'b.js': '', 'lib/index.js': '', 'c.mjs': '' };
    assert.equal(mainOf(t, { bin: './a.js', main: 'b.js' }, files), 'a.js');
    assert.equal(mainOf(t, { bin: { tool: 'b.js', other: 'a.js' } }, files), 'b.js');
    assert.equal(mainOf(t, { bin: { other: 'a.js' } }, files), 'a.js');
    assert.equal(mainOf(t, { bin: { tool: 'b.js', other: 'a.js' } }, files, { bin: 'other' }), 'a.js');
    assert.equal(mainOf(t, { bin: 'b.js' }, files, { packageName: '@scope/tool', bin: 'tool' }), 'b.js');
    assert.equal(mainOf(t, { bin: { tool: 'b.js', x: 'a.js' } }, files, { packageName: '@a/tool' }), 'b.js');
    assert.equal(mainOf(t, { main: './b' }, files), 'b.js');
    assert.equal(mainOf(t, { main: 'lib' }, files), 'lib/index.js');
    assert.equal(mainOf(t, {}, { 'index.js': '' }), 'index.js');
    for (const bin of ['lib', './lib/index.js', 'lib/index'])
      assert.equal(mainOf(t, { bin: './a.js', main: 'b.js' }, files, { bin }), 'lib/index.js');
  });

  test('is started with what its first line gives to Node.js', (t) => {
    const lines: readonly [string, string[], Record<string, string>?][] = [
      ['#!/usr/bin/env node', []],
      [
        '#!/usr/bin/env -S node --no-warnings --max-old-space-size=64\r',
        ['--no-warnings', '--max-old-space-size=64'],
      ],
      ['#!/usr/bin/env -Snode --flag', ['--flag']],
      ['#! /usr/bin/node --flag', ['--flag']],
      ['#!/usr/bin/env -S A=1 B=c=d nodejs', [], { A: '1', B: 'c=d' }],
      ['"use strict";', []],
    ];
    for (const [line, nodeArguments, env = {}] of lines) {
      const found = moduleOf(t, { bin: 'a.js' }, { 'a.js': `${line}\n` });
      assert.deepEqual(found, { path: 'a.js', nodeArguments, env }, line);
    }
  });

  test('refuses what cannot be started', (t) => {
    const refusals: readonly [() => string, RegExp, RegExp][] = [
      [() => mainOf(t, { main: 'gone.js' }), /has neither "bin" nor "main"$/, /^It is no program/],
      [
        () => mainOf(t, { bin: 'gone.js' }),
        /has no file "gone\.js", by which it is started$/,
        /another version/,
      ],
      [() => mainOf(t, { bin: '../../x.js' }), /has no file "\.\.\/\.\.\/x\.js"/, /another version/],
      [
        () => mainOf(t, { bin: { run: 'a.sh' } }, { 'a.sh': '#!/bin/bash\n' }),
        /"a\.sh" of npm package "tool" is no program for Node\.js \(#!\/bin\/bash\)$/,
        /"bin": "run"/,
      ],
      [
        () => mainOf(t, { bin: 'a.js' }, { 'a.js': '#!/usr/bin/env bun\n' }),
        /no program for Node\.js \(#!\/usr\/bin\/env bun\)$/,
        /^Devices have Node\.js alone/,
      ],
      [
        () => mainOf(t, { bin: 'a.ts' }, { 'a.ts': '#!/usr/bin/env -S node_modules/.bin/tsx --node\n' }),
        /no program for Node\.js/,
        /published as TypeScript: .* "node"\.$/,
      ],
      [
        () => mainOf(t, { bin: { x: 'a.js', y: 'b.js' } }),
        /has several programs: "x", "y"$/,
        /\{ "package": "tool", "bin": "x" \}/,
      ],
      [
        () => mainOf(t, { bin: { x: 'a.js' } }, {}, { bin: 'z' }),
        /neither a "bin" of the name "z" nor such a file; of "bin" it has "x"$/,
        /npm\.bin/,
      ],
      [
        () => mainOf(t, {}, { 'a.md': '' }, { bin: 'a.md' }),
        /"a\.md" of .* is no file that Node\.js starts/,
        /JavaScript/,
      ],
      [
        () => mainOf(t, {}, { 'a.ts': '' }, { bin: 'a.ts' }),
        /is no file that Node\.js starts \(\.ts\)$/,
        /TypeScript/,
      ],
      [
        () => mainOf(t, {}, { 'a.js': '' }, { bin: '../a.js' }),
        /nor such a file; of "bin" it has none$/,
        /npm\.bin/,
      ],
    ];
    for (const [act, message, hint] of refusals) assert.throws(act, userError(message, hint));
  });
});
