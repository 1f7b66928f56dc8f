// Packages that cannot be bundled, or work only beside their files: they stay packages, without anybody saying so. The
// packages are local tarballs, so that no network is needed.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { appConfig, appContext, makeFiles, unpack } from '../support/builds/app-builds.ts';
import { HOST_BOARD_ID } from '../support/machines/host-board.ts';
import { makeNpmInstance, type NpmFixture } from '../support/builds/npm-instance.ts';
import { requireTool } from '../support/require-tool.ts';

interface Built extends AppBuild {
  /** Names of the packages outside of the bundle, nested ones with their paths. */
  packages: string[];
}

async function build(
  t: TestContext,
  packages: Readonly<Record<string, NpmFixture>>,
  main: string,
  app: Partial<AppConfig> = {},
): Promise<Built> {
  const directory = await makeNpmInstance(t, packages, main, { isInstalled: true });
  const built = await buildApp(
    appConfig({ node: './main.ts', ...app }),
    appContext(directory, HOST_BOARD_ID),
  );
  const found = built.entries.flatMap(
    ({ path }) => /^\/app\/app\/node_modules\/(.*)\/package\.json$/.exec(path)?.[1] ?? [],
  );
  return { ...built, packages: found.toSorted() };
}

/** What the app prints where nothing but its own files is there. */
function run(t: TestContext, built: AppBuild): string {
  const root = makeFiles(t, {});
  unpack(built, root);
  mkdirSync(join(root, 'perm/app'), { recursive: true });
  const [, ...args] = built.service.argv;
  const { stdout, stderr } = spawnSync(
    process.execPath,
    args.map((arg) => (arg.startsWith('/') ? join(root, arg) : arg)),
    { cwd: join(root, 'perm/app'), encoding: 'utf8' },
  );
  return `${stdout}${stderr}`;
}

const READER = {
  json: { dependencies: { counter: 'file:counter-1.0.0.tgz' } },
  files: {
    'index.js':
      "const { readFileSync } = require('fs');\nconst { join } = require('path');\nconst counter = require('counter');\n" +
      "exports.read = () => readFileSync(join(__dirname, 'word.txt'), 'utf8') + counter.next();",
    'word.txt': 'word',
  },
};
const COUNTER = { files: { 'index.js': 'let count = 0;\nexports.next = () => ++count;' } };
function dataOf(version: string): Record<string, string> {
  return {
    'package.json': JSON.stringify({ name: 'data', version }),
    'index.js':
      "exports.text = require('fs').readFileSync(require('path').join(__dirname, 'text.txt'), 'utf8');",
    'text.txt': version,
  };
}

const PURE = { files: { 'index.js': "exports.name = 'pure';" } };

suite('a package stays outside of the bundle by itself', () => {
  test('when it reads beside its code, with what it shares with the rest', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const main =
      "import { name } from 'pure';\nimport { next } from 'counter';\nimport { read } from 'reader';\nconsole.log(name, next(), read(), next());";
    const built = await build(t, { reader: READER, counter: COUNTER, pure: PURE }, main);
    assert.deepEqual(built.packages, ['counter', 'reader']);
    assert.equal(run(t, built), 'pure 1 word2 3\n');
    assert.deepEqual(built.warnings, [
      'app "app": not bundled, because their code works beside its own files only: ' +
        `reader (index.js:4 has "readFileSync(join(__dirname, 'word.txt'), 'utf8')"); to say so yourself, list them in apps.app.dependencies.unbundled`,
    ]);
    const told = await build(t, { reader: READER, counter: COUNTER, pure: PURE }, main, {
      dependencies: { unbundled: ['reader'] },
    });
    assert.deepEqual([told.packages, told.warnings], [built.packages, []]);
    const bundled = await build(t, { reader: READER, counter: COUNTER, pure: PURE }, main, {
      dependencies: { bundled: ['reader'] },
    });
    assert.deepEqual(bundled.packages, []);
    assert.match(run(t, bundled), /ENOENT.*word\.txt/);
  });

  test('when it starts a worker, from an ES module and under all of its names', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const pool = {
      files: {
        'index.js':
          "const { Worker } = require('worker_threads');\nconst { join } = require('path');\n" +
          "const all = { ask: () => new Promise((done) => new Worker(join(__dirname, 'lib/worker')).on('message', done)) };\n" +
          'for (const name of Object.keys(all)) exports[name] = all[name];',
        'lib/worker.js': "require('worker_threads').parentPort.postMessage('answer');",
      },
    };
    pool.files['index.js'] = pool.files['index.js'].replace("'lib/worker'", "'lib/worker.js'");
    const built = await build(t, { pool }, "import { ask } from 'pool';\nconsole.log(await ask());");
    assert.deepEqual(built.packages, ['pool']);
    assert.match(built.service.argv.join(), /main\.mjs$/);
    assert.equal(run(t, built), 'answer\n');
  });

  test('when it loads packages by name, with those that the program names', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const json = { dependencies: { counter: 'file:counter-1.0.0.tgz' } };
    const loader = { json, files: { 'index.js': 'exports.load = (name) => require(name);' } };
    const plugin = { files: { 'index.js': "exports.name = 'plugin';" } };
    const main = "import { load } from 'loader';\nconsole.log(load('plugin').name);";
    const built = await build(t, { loader, counter: COUNTER, plugin, pure: PURE }, main);
    assert.deepEqual(built.packages, ['counter', 'loader', 'plugin']);
    assert.equal(run(t, built), 'plugin\n');
    assert.deepEqual(built.warnings.slice(1), [
      'app "app": plugin taken along for loader, by name',
      'app "app": left out, because nothing imports or names them: pure; what loader may load belongs in ' +
        'apps.app.dependencies.unbundled, what only developers need in devDependencies',
    ]);
  });

  test('when the bundler cannot read it, or another runtime is asked for', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const scripts = {
      files: {
        'index.js': "exports.name = (which) => require('./lib/' + which).name;",
        'lib/ask.sh': '#!/bin/sh',
        'lib/one.js': "exports.name = 'one';",
      },
    };
    const either = {
      json: { type: 'module', exports: './index.js' },
      files: {
        'index.js':
          "export const name = () => import('./node.js').then((part) => part.name);\nexport const other = () => import('./bun.js');",
        'node.js': "export const name = 'on node';",
        'bun.js': "import { Database } from 'bun:sqlite';\nexport default Database;",
      },
    };
    const main =
      "import { name } from 'scripts';\nimport * as either from 'either';\nconsole.log(name('one'), await either.name());";
    const built = await build(t, { scripts, either }, main);
    assert.deepEqual(built.packages, ['either', 'scripts']);
    assert.equal(run(t, built), 'one on node\n');
    assert.match(
      built.warnings.join('\n'),
      /either \(it imports "bun:sqlite"\), scripts \(the bundler says: No loader is configured for "\.sh" files/,
    );
  });

  test('with the peers that are installed, and without those that are not', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const builder = {
      json: { peerDependenciesMeta: { driver: { optional: true } } },
      files: {
        'index.js':
          "exports.open = (name) => (name === 'driver' ? require('driver').name : require('absent'));\n" +
          "exports.stub = require('path').join(__dirname, 'stub.js');",
      },
    };
    const driver = { files: { 'index.js': "exports.name = 'driver';" } };
    const main = "import { open } from 'builder';\nconsole.log(open('driver'));";
    const built = await build(t, { builder, driver }, main);
    assert.deepEqual(built.packages, ['builder', 'driver']);
    assert.equal(run(t, built), 'driver\n');
  });

  test('in each of the versions that are needed', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const below = Object.entries(dataOf('2.0.0')).map(([path, text]) => [`node_modules/data/${path}`, text]);
    const older = {
      json: { dependencies: { data: '2.0.0' }, bundleDependencies: ['data'] },
      files: { 'index.js': "exports.older = require('data').text;", ...Object.fromEntries(below) },
    };
    const main = "import { text } from 'data';\nimport { older } from 'older';\nconsole.log(text, older);";
    const built = await build(t, { older, data: { files: dataOf('1.0.0') } }, main);
    assert.deepEqual(built.packages, ['data', 'older', 'older/node_modules/data']);
    assert.equal(run(t, built), '1.0.0 2.0.0\n');
  });

  test('the same after a second build, and after the package has changed', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const main = "import { name } from 'pure';\nconsole.log(name);";
    const directory = await makeNpmInstance(t, { pure: PURE }, main, { isInstalled: true });
    const app = appConfig({ node: './main.ts' });
    const context = appContext(directory, HOST_BOARD_ID);
    const first = await buildApp(app, context);
    assert.deepEqual((await buildApp(app, context)).entries, first.entries);
    assert.equal(first.entries.length, 1);
    writeFileSync(
      join(directory, 'node_modules/pure/index.js'),
      "exports.name = require('path').join(__dirname, 'x');",
    );
    assert.ok((await buildApp(app, context)).entries.length > 1);
  });
});
