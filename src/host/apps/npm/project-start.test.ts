import assert from 'node:assert/strict';
import { suite, test, type TestContext } from 'node:test';
import { makeFiles, userError } from '../../../../test/support/builds/app-builds.ts';
import { type ProjectStart, projectStart } from './project-start.ts';

function startOf(
  t: TestContext,
  json: object,
  { bin, files = ['dist/main.js', 'bin/www', 'server/index.js'] }: { bin?: string; files?: string[] } = {},
): ProjectStart {
  const contents = Object.fromEntries(files.map((path) => [path, '']));
  const directory = makeFiles(t, { 'package.json': JSON.stringify(json), ...contents });
  return projectStart({ appName: 'app', source: './server', bin, directory });
}

suite('projectStart', () => {
  test('is what npm start would start, then "bin" or "main", unless a file is named', (t) => {
    const scripts = { start: 'nest start', 'start:prod': 'node dist/main' };
    assert.equal(startOf(t, { scripts, main: 'server' }).path, 'dist/main.js');
    assert.equal(startOf(t, { scripts: { start: 'node ./bin/www' } }).path, 'bin/www');
    assert.equal(startOf(t, { main: 'server' }).path, 'server/index.js');
    assert.equal(
      startOf(t, { name: '@x/y', bin: { y: 'bin/www', z: 'dist/main.js' }, main: 'server' }).path,
      'bin/www',
    );
    assert.equal(startOf(t, { scripts }, { bin: 'server' }).path, 'server/index.js');
    assert.equal(startOf(t, { scripts, bin: { z: 'bin/www' } }, { bin: 'z' }).path, 'bin/www');
    // More than a call of node is for a shell.
    const both = { scripts: { start: 'migrate && node dist/main' }, main: 'server' };
    assert.equal(startOf(t, both).path, 'server/index.js');
  });

  test('has the options, variables and arguments of the script, with files as they lie on the device', (t) => {
    const start =
      'cross-env MODE=a/b node --enable-source-maps -r dotenv/config --import=./server/index.js dist/main --port 1';
    assert.deepEqual(startOf(t, { scripts: { start } }), {
      path: 'dist/main.js',
      nodeArguments: ['--enable-source-maps', '-r', 'dotenv/config', '--import', '/app/app/server/index.js'],
      args: ['--port', '1'],
      env: { MODE: 'a/b' },
    });
  });

  test('that is not there is told with what to run', (t) => {
    const cases: [object, { bin?: string }, RegExp, RegExp][] = [
      [
        { scripts: { 'start:prod': 'node dist/none', build: 'nest build' } },
        {},
        /^Cannot start app "app": "\.\/server" has no file "dist\/none", which its script "start:prod" starts$/,
        /^Build it first: "npm run build" in \//,
      ],
      [{ main: 'none.js' }, {}, /no file "none\.js", which its "main" names/, /^Name the file/],
      [{ main: '../../etc/passwd' }, {}, /no file "\.\.\/\.\.\/etc\/passwd"/, /^Name the file/],
      [{}, { bin: 'serve' }, /no file "serve", which apps\.app\.npm names/, /^Name the file/],
      [{}, {}, /has neither a script "start" nor "bin" or "main"/, /"bin": "dist\/main\.js"/],
      [
        { scripts: { start: 'tsx src/main.ts' } },
        {},
        /the script "start" of "\.\/server" is more than one call of node \("tsx src\/main\.ts"\)/,
        /^Name the file/,
      ],
      [
        { scripts: { start: 'next start', build: 'next build' }, dependencies: { next: '1' }, main: 'x.js' },
        {},
        /has no server that Next\.js has built for Node\.js$/,
        /^Run "npm run build" in .*, with output: "standalone"/,
      ],
      [
        { scripts: { start: 'node --env-file=.env dist/main' } },
        {},
        /reads a file of variables/,
        /apps\.app\.secrets/,
      ],
      [{ scripts: { start: 'node --import x dist/main' } }, {}, /imports "x" first/, /first line/],
    ];
    for (const [json, options, message, hint] of cases)
      assert.throws(() => startOf(t, json, options), userError(message, hint));
  });
});
