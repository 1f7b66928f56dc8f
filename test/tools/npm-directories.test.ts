// Projects of one's own as apps that are not bundled, installed by the real npm, and what frameworks have built in them.

import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { ELF_MACHINE } from '../../src/formats/elf.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import type { BoardId } from '../../src/shared/board/boards.ts';
import { appConfig, appContext, makeFiles, unpack, userError } from '../support/builds/app-builds.ts';
import { type NpmRegistry, startNpmRegistry } from '../support/builds/npm-registry.ts';
import { makeElf } from '../support/formats/make-elf.ts';
import { requireTool } from '../support/require-tool.ts';

const ADDON = makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] });
const ARM_ADDON = makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.so.6'] });

async function withRegistry(t: TestContext): Promise<NpmRegistry | undefined> {
  return requireTool(t, 'npm') === undefined ? undefined : startNpmRegistry(t);
}

function write(directory: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
}

/** As a person would; the registry answers from this process meanwhile. */
async function lockHere(cwd: string): Promise<void> {
  await promisify(execFile)('npm', ['install', '--package-lock-only', '--no-audit', '--no-fund'], { cwd });
}

/** The instance, with the project in `server` locked as a person would. */
async function makeProject(
  registry: NpmRegistry,
  json: object,
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<string> {
  const directory = registry.makeInstance();
  write(join(directory, 'server'), { 'package.json': JSON.stringify(json), ...files });
  writeFileSync(join(directory, 'server/.npmrc'), readFileSync(join(directory, '.npmrc')));
  await lockHere(join(directory, 'server'));
  return directory;
}

function build(
  directory: string,
  app: Partial<AppConfig> = {},
  board: BoardId = 'pc-amd64',
): Promise<AppBuild> {
  const source = app.node === undefined ? { npm: './server' } : {};
  return buildApp(appConfig({ ...source, ...app }), appContext(directory, board));
}

const pathsOf = ({ entries }: AppBuild): string[] =>
  entries.map(({ path }) => path.replace('/app/app/', '')).toSorted();

/** What it prints when it starts in its data directory. */
function run(t: TestContext, built: AppBuild): string {
  const root = makeFiles(t, {});
  unpack(built, root);
  const data = join(root, 'perm/app');
  mkdirSync(data, { recursive: true });
  const script = join(root, 'app/app/data-files.cjs');
  if (existsSync(script))
    writeFileSync(script, readFileSync(script, 'utf8').replaceAll('"/app/', `"${root}/app/`));
  const here = (text: string): string => text.replaceAll(/^\/app\//g, `${root}/app/`);
  const { stdout, stderr, status } = spawnSync(process.execPath, built.service.argv.slice(1).map(here), {
    cwd: data,
    encoding: 'utf8',
    env: {
      ...Object.fromEntries(Object.entries(built.service.env).map(([name, value]) => [name, here(value)])),
      TSK_DATA_DIR: data,
    },
  });
  assert.equal(status, 0, stderr);
  return stdout.trim();
}

/** A package with one for each platform, as sharp has them: the library of the binary is a package of its own. */
async function publishNative(registry: NpmRegistry): Promise<void> {
  const platforms = [
    ['x64', ADDON],
    ['arm64', ARM_ADDON],
  ] as const;
  for (const [cpu, addon] of platforms) {
    const json = { os: ['linux'], cpu: [cpu] };
    await registry.publish(`@img/lib-linux-${cpu}`, '1.0.0', { json, files: { 'lib/x.so': addon } });
    await registry.publish(`@img/pic-linux-${cpu}`, '1.0.0', {
      json: { ...json, optionalDependencies: { [`@img/lib-linux-${cpu}`]: '1.0.0' } },
      files: { 'pic.node': addon },
    });
  }
  await registry.publish('pic', '1.0.0', {
    json: { optionalDependencies: { '@img/pic-linux-x64': '1.0.0', '@img/pic-linux-arm64': '1.0.0' } },
    files: { 'index.js': "module.exports = 'pic';" },
  });
  await registry.publish('crypt', '1.0.0', {
    files: {
      'index.js': "module.exports = 'crypt';",
      'prebuilds/linux-x64/crypt.node': ADDON,
      'prebuilds/linux-arm64/crypt.node': ARM_ADDON,
    },
  });
}

suite('an npm app that is a directory', () => {
  test('goes as it is with its packages for the board, and reads beside itself', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishNative(registry);
    await registry.publish('greet', '1.0.0', { files: { 'index.js': "module.exports = 'hello';" } });
    await registry.publish('compiler', '1.0.0');
    const directory = await makeProject(
      registry,
      {
        name: 'mine',
        scripts: { 'start:prod': 'node dist/main', build: 'compile' },
        dependencies: { greet: '^1', pic: '1' },
        devDependencies: { compiler: '1' },
      },
      {
        'dist/main.js':
          "console.log(require('greet'), require('fs').readFileSync(__dirname + '/../views/a.txt', 'utf8'), require('fs').readFileSync('settings', 'utf8'));",
        'views/a.txt': 'view',
        '.env': 'TOKEN=x',
        'node_modules/greet/index.js': 'of this machine',
      },
    );
    writeFileSync(join(directory, 'settings'), 'kept');
    const app = { config: [{ from: 'settings', to: 'settings' }] };
    const built = await build(directory, app);
    assert.deepEqual(
      pathsOf(built).filter((path) => !path.endsWith('.cjs') && !path.startsWith('data-files')),
      [
        'dist/main.js',
        'node_modules/@img/lib-linux-x64/index.js',
        'node_modules/@img/lib-linux-x64/lib/x.so',
        'node_modules/@img/lib-linux-x64/package.json',
        'node_modules/@img/pic-linux-x64/index.js',
        'node_modules/@img/pic-linux-x64/package.json',
        'node_modules/@img/pic-linux-x64/pic.node',
        'node_modules/greet/index.js',
        'node_modules/greet/package.json',
        'node_modules/pic/index.js',
        'node_modules/pic/package.json',
        'package.json',
        'views/a.txt',
      ],
    );
    assert.equal(run(t, built), 'hello view kept');
    assert.deepEqual(built.warnings, [
      'app "app" goes without server/.env, server/.npmrc (names with a dot): what it needs of these, name by itself in ' +
        '"include", or give "dot": true for names with a dot; secrets go by "secrets"',
    ]);
    assert.equal(built.inputs.includes(join(directory, 'server/package-lock.json')), true);
    const arm = pathsOf(await build(directory, app, 'pc-arm64'));
    assert.deepEqual(
      arm,
      pathsOf(built)
        .map((path) => path.replace('linux-x64', 'linux-arm64'))
        .toSorted(),
    );
  });

  test('that is a member of a workspace has the packages of both', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    for (const version of ['1.0.0', '2.0.0'])
      await registry.publish('greet', version, { files: { 'index.js': `module.exports = '${version}';` } });
    await registry.publish('polite', '1.0.0', {
      json: { dependencies: { greet: '1' } },
      files: { 'index.js': "module.exports = 'polite ' + require('greet');" },
    });
    const member = { name: 'member', dependencies: { greet: '2', polite: '1' }, main: 'main.js' };
    const directory = await makeProject(
      registry,
      { name: 'all', workspaces: ['packages/*'], dependencies: { greet: '1' } },
      {
        'packages/member/package.json': JSON.stringify(member),
        'packages/member/main.js': "console.log(require('greet'), require('polite'));",
        'packages/library/package.json': '{"name": "library", "version": "1.0.0"}',
      },
    );
    const app = { npm: './server/packages/member' };
    assert.equal(run(t, await build(directory, app)), '2.0.0 polite 1.0.0');
    write(join(directory, 'server'), {
      'packages/member/package.json': JSON.stringify({
        ...member,
        dependencies: { ...member.dependencies, library: '*' },
      }),
    });
    await lockHere(join(directory, 'server'));
    await assert.rejects(
      build(directory, app),
      userError(/"library" to app "app": it is a directory of your own/, /apps\.app\.node/),
    );
  });

  test('that cannot be started or installed is refused with what to do', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('greet', '1.0.0');
    const json = { main: 'main.js', dependencies: { greet: '1' } };
    const directory = await makeProject(registry, json, { 'main.js': '', '.hidden/main.js': '' });
    const cases: [Partial<AppConfig>, RegExp, RegExp][] = [
      [{ npm: './none' }, /^Cannot use "\.\/none" for app "app": there is no directory/, /without "\.\/"/],
      [{ plugins: ['x'] }, /"plugins" is for programs from npm/, /"dependencies" of its package\.json/],
      [{ overrides: { x: '1' } }, /"overrides" is for programs from npm/, /"overrides" of its package\.json/],
      [{ npm: './server/.hidden' }, /the directory has no package\.json/, /apps\.app\.node/],
      [{ bin: '.hidden/main.js' }, /is among what of "\.\/server" does not go to the device/, /with a dot/],
    ];
    for (const [app, message, hint] of cases)
      await assert.rejects(build(directory, app), userError(message, hint));
    rmSync(join(directory, 'server/package-lock.json'));
    await assert.rejects(
      build(directory),
      userError(/"\.\/server": it has no package-lock\.json/, /^Run "npm install" in /),
    );
    write(directory, { 'server/pnpm-lock.yaml': '' });
    await assert.rejects(
      build(directory),
      userError(/it is a project of pnpm, and tsk does not read its pnpm-lock\.yaml$/, /apps\.app\.node/),
    );
  });
});

/** `copied`: packages that the framework has taken from this machine. */
function nextProject(
  registry: NpmRegistry,
  copied: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const at = '.next/standalone/node_modules';
  return makeProject(
    registry,
    {
      name: 'site',
      scripts: { start: 'next start', build: 'next build' },
      dependencies: { pic: '1', crypt: '1' },
    },
    {
      '.next/standalone/server.js':
        "console.log(require('pic'), require('crypt'), require('fs').readFileSync(__dirname + '/.next/static/a.js', 'utf8'));",
      '.next/standalone/package.json': '{"name": "site"}',
      '.next/standalone/.next/BUILD_ID': '1',
      '.next/static/a.js': 'static',
      ...Object.fromEntries(Object.entries(copied).map(([path, content]) => [`${at}/${path}`, content])),
    },
  );
}

const COPIED = {
  'pic/package.json': JSON.stringify({
    name: 'pic',
    version: '1.0.0',
    optionalDependencies: { '@img/pic-linux-x64': '1.0.0', '@img/pic-linux-arm64': '1.0.0' },
  }),
  'pic/index.js': "module.exports = 'copy of pic';",
  '@img/pic-linux-x64/package.json':
    '{"name": "@img/pic-linux-x64", "version": "1.0.0", "os": ["linux"], "cpu": ["x64"]}',
  '@img/pic-linux-x64/pic.node': ADDON,
  'crypt/package.json': '{"name": "crypt", "version": "1.0.0"}',
  'crypt/index.js': "module.exports = 'copy of crypt';",
  'crypt/build/Release/crypt.node': ADDON,
};

suite('what a framework has built in a directory', () => {
  test('is taken, and its packages are exchanged where the board needs others', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishNative(registry);
    const directory = await nextProject(registry, COPIED);
    // As Turbopack names packages that it does not bundle.
    const links = join(directory, 'server/.next/standalone/.next/node_modules');
    mkdirSync(links);
    symlinkSync('../../node_modules/pic', join(links, 'pic-0'));
    const here = await build(directory);
    assert.equal(run(t, here), 'copy of pic copy of crypt static');
    assert.deepEqual(
      pathsOf(here).filter((path) => path.endsWith('.node')),
      ['node_modules/@img/pic-linux-x64/pic.node', 'node_modules/crypt/build/Release/crypt.node'],
    );
    assert.deepEqual(
      here.entries.flatMap((entry) => (entry.kind === 'symlink' ? [[entry.path, entry.target]] : [])),
      [['/app/app/.next/node_modules/pic-0', '../../node_modules/pic']],
    );
    const arm = await build(directory, {}, 'pc-arm64');
    assert.equal(run(t, arm), 'pic crypt static');
    assert.deepEqual(pathsOf(arm), [
      '.next/BUILD_ID',
      '.next/node_modules/pic-0',
      '.next/static/a.js',
      'no-shell.cjs',
      'node_modules/@img/lib-linux-arm64/index.js',
      'node_modules/@img/lib-linux-arm64/lib/x.so',
      'node_modules/@img/lib-linux-arm64/package.json',
      'node_modules/@img/pic-linux-arm64/index.js',
      'node_modules/@img/pic-linux-arm64/package.json',
      'node_modules/@img/pic-linux-arm64/pic.node',
      'node_modules/crypt/index.js',
      'node_modules/crypt/package.json',
      'node_modules/crypt/prebuilds/linux-arm64/crypt.node',
      'node_modules/pic/index.js',
      'node_modules/pic/package.json',
      'package.json',
      'server.js',
    ]);
    symlinkSync(directory, join(links, 'away'));
    await assert.rejects(
      build(directory),
      userError(/Cannot include ".*\/away" in app "app": it is a symbolic link that leads to no file/),
    );
    rmSync(join(links, 'away'));
    // The same by its entry point.
    const byEntry = { node: './server/.next/standalone/server.js' };
    assert.deepEqual(pathsOf(await build(directory, byEntry, 'pc-arm64')), pathsOf(arm));
  });

  test('with a package that the lock does not name, or without a lock, is refused', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishNative(registry);
    const other = { ...COPIED, 'crypt/package.json': '{"name": "crypt", "version": "0.9.0"}' };
    const directory = await nextProject(registry, other);
    await assert.rejects(
      build(directory, {}, 'pc-arm64'),
      userError(
        /its package "crypt" 0\.9\.0 is for another machine than the board, and ".*" does not name it/,
      ),
    );
    rmSync(join(directory, 'server/package-lock.json'));
    await assert.rejects(
      build(directory, {}, 'pc-arm64'),
      userError(
        /"@img\/pic-linux-x64" 1\.0\.0 is for another machine than the board, and there is no package-lock/,
      ),
    );
  });

  test('goes without binaries for others where a package has one for the board, too', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishNative(registry);
    const directory = await nextProject(registry, {
      ...COPIED,
      'crypt/prebuilds/linux-arm64/crypt.node': ARM_ADDON,
    });
    const built = await build(directory);
    assert.deepEqual(
      pathsOf(built).filter((path) => path.startsWith('node_modules/crypt/') && path.endsWith('.node')),
      ['node_modules/crypt/build/Release/crypt.node'],
    );
    assert.deepEqual(
      built.leftOut.map(({ reason, files }) => [reason, files]),
      [['foreign binary', 1]],
    );
  });
});
