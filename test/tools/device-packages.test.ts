// Packages that a program installs on the device, by the real npm from a registry of our own, in its own processes.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { AppSocket } from '../../src/device/init/supervisor/app-socket.ts';
import { buildApp } from '../../src/host/apps/build-app.ts';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import type { DevicePackages } from '../../src/shared/services/device-packages.ts';
import { appConfig, appContext, makeFiles, unpack, userError } from '../support/builds/app-builds.ts';
import { type NpmRegistry, startNpmRegistry } from '../support/builds/npm-registry.ts';
import { findTool, requireTool } from '../support/require-tool.ts';

/** Runs "npm" as it is told, and says what it has then. */
const PROGRAM = `
const { spawnSync } = require('node:child_process');
const { npm = [], load = [], own = [] } = JSON.parse(process.argv[2]);
for (const args of own) {
  const cli = require.resolve('npm/bin/npm-cli.js');
  const { status, stdout } = spawnSync(process.execPath, [cli, ...args], { cwd: process.env.TSK_DATA_DIR, encoding: 'utf8' });
  console.log('own npm', args[0], status, args[0] === '-v' ? /^\\d+\\./.test(stdout) : '');
}
for (const args of npm) {
  const { status, error } = spawnSync('npm', args, { cwd: process.env.TSK_DATA_DIR, stdio: ['ignore', 2, 2] });
  console.log('npm', args[0], error?.code ?? status);
}
for (const name of load) {
  try {
    console.log(name, require(name));
  } catch ({ code }) {
    console.log(name, code);
  }
}
console.log('options', process.execArgv.length);
`;

interface Device {
  registry: NpmRegistry;
  data: string;
  /** Runs the program once, as after a start of its service. */
  run: (what: {
    npm?: string[][];
    own?: string[][];
    load?: string[];
  }) => Promise<{ stdout: string[]; stderr: string }>;
  /** What init was told last. */
  told: () => DevicePackages | undefined;
}

async function pinnedApp(directory: string, app: Partial<AppConfig>) {
  const context = appContext(directory);
  const { lock } = await pinNpmPrograms(
    { formatVersion: 1, createdAtSec: 0, boards: {} },
    [appConfig(app)],
    context,
    { update: false, withoutTool: 'refuse' },
  );
  return buildApp(appConfig(app), { ...context, lock });
}

/** The app as it is built, unpacked, with the paths of the device as those of this computer. */
async function deviceWith(t: TestContext, app: Partial<AppConfig> = {}): Promise<Device | undefined> {
  if (requireTool(t, 'npm') === undefined) return undefined;
  const npm = dirname(dirname(realpathSync(findTool('npm') ?? '')));
  const registry = await startNpmRegistry(t);
  await registry.publish('npm', '1.0.0', { files: { 'bin/npm-cli.js': 'process.exit(7);' } });
  await registry.publish('hub', '1.0.0', {
    json: { dependencies: { npm: '1' } },
    files: { 'index.js': PROGRAM },
  });
  const directory = registry.makeInstance();
  const built = await pinnedApp(directory, { name: 'hub', npm: 'hub', installOnDevice: true, ...app });
  const root = makeFiles(t, {});
  unpack(built, root);
  const data = join(root, 'perm', 'hub');
  mkdirSync(data, { recursive: true });
  writeFileSync(join(data, '.npmrc'), `registry=${registry.url}/\nfetch-retries=0\n`);
  for (const [path, from, to] of [
    ['device-packages.cjs', '/opt/npm', npm],
    ['bin/npm', '/bin/node', process.execPath],
    ['start.cjs', '/app/hub', join(root, 'app/hub')],
  ] as const) {
    const file = join(root, 'app/hub/device', path);
    writeFileSync(file, readFileSync(file, 'utf8').replace(from, to));
  }
  const here = (text: string): string => text.replaceAll(/\/(?:app|perm)\/hub/g, (path) => join(root, path));
  let told: DevicePackages | undefined;
  const socket = new AppSocket(join(root, 'app.sock'), {
    onReady: () => {},
    onInstalled: (packages) => (told = packages),
    whenMet: async () => {},
  });
  await socket.open({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  t.after(() => socket.close());
  const { service } = built;
  const env = {
    ...process.env,
    ...Object.fromEntries(Object.entries(service.env).map(([name, value]) => [name, here(value)])),
    TSK_DATA_DIR: data,
    TSK_SOCKET: join(root, 'app.sock'),
    HOME: data,
  };
  return {
    registry,
    data,
    told: () => told,
    run: async (what) => {
      told = undefined;
      const child = spawn(process.execPath, [...service.argv.slice(1).map(here), JSON.stringify(what)], {
        env,
        cwd: data,
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (chunk: Buffer) => (stdout += chunk));
      child.stderr.on('data', (chunk: Buffer) => (stderr += chunk));
      const [code] = (await once(child, 'close')) as [number];
      assert.equal(code, 0, stderr);
      return { stdout: stdout.trimEnd().split('\n'), stderr };
    },
  };
}

/** An add-on that asks for this ABI, as those do that are compiled with the headers of Node.js (node.h, node_module). */
function compileAddon(t: TestContext, abi: string): Uint8Array {
  const directory = makeFiles(t, {
    'addon.c': `extern void node_module_register(void *);
static void start(void) {}
static struct { int version; unsigned flags; void *dso; const char *file; void (*start)(void); void *context;
  const char *name; void *priv, *link; } module = { ${abi}, 0, 0, "addon.c", start, 0, "addon", 0, 0 };
static __attribute__((constructor)) void announce(void) { node_module_register(&module); }
`,
  });
  execFileSync('gcc', ['-shared', '-fPIC', '-o', 'addon.node', 'addon.c'], { cwd: directory });
  return readFileSync(join(directory, 'addon.node'));
}

suite('a program that installs packages on the device', () => {
  test('finds them beside those of the image, also at its next start, and no script of theirs is run', async (t) => {
    const device = await deviceWith(t);
    if (!device) return;
    const { registry, data, run, told } = device;
    await registry.publish('helper', '1.2.0', { files: { 'index.js': 'module.exports = "helper";' } });
    await registry.publish('extra', '2.0.0', {
      json: {
        scripts: { postinstall: 'touch ran', greet: 'touch ran' },
        dependencies: { helper: '1' },
        peerDependencies: { hub: '*' },
      },
      files: { 'index.js': 'module.exports = require("helper") + " of extra";' },
    });
    const empty = await run({ load: ['extra'] });
    assert.deepEqual([empty.stdout, empty.stderr], [['extra MODULE_NOT_FOUND', 'options 0'], '']);
    const { stdout, stderr } = await run({
      npm: [
        [
          'install',
          '--save',
          'extra',
          '--ignore-scripts=false',
          '--foreground-scripts',
          '--no-ignore-scripts',
        ],
        ['rebuild', '--ignore-scripts=false'],
        ['explore', 'extra', '--', 'touch', 'ran'],
      ],
      load: ['extra', 'extra/package.json'],
    });
    assert.deepEqual(stdout.slice(0, 2), ['npm install 0', 'npm rebuild 0'], stderr);
    assert.match(stdout[2] ?? '', /^npm explore [1-9]/);
    assert.equal(stdout[3], 'extra helper of extra');
    assert.match(stderr, /tskrazy: no install script is run on the device, and these have one: extra\n/);
    // The program itself is the image's, and nothing is left of what npm had to have.
    assert.deepEqual(readdirSync(join(data, 'node_modules')).toSorted(), [
      '.package-lock.json',
      'extra',
      'helper',
    ]);
    assert.ok(!existsSync(join(data, 'node_modules/extra/ran')));
    assert.deepEqual(readdirSync(data).toSorted(), [
      '.npmrc',
      'node_modules',
      'package-lock.json',
      'package.json',
    ]);
    const later = await run({ load: ['extra'] });
    assert.deepEqual([later.stdout, later.stderr], [['extra helper of extra', 'options 0'], '']);
    assert.deepEqual(told(), { count: 1, names: ['extra@2.0.0'], disabled: [] });
    // As Node-RED does it.
    const asNodeRed = [
      '--no-audit',
      '--no-fund',
      '--save',
      '--save-prefix=~',
      '--omit=dev',
      '--engine-strict',
      '--',
    ];
    const own = await run({
      own: [['-v'], ['remove', ...asNodeRed.slice(0, 3), '--', 'extra'], ['install', ...asNodeRed, 'extra']],
    });
    assert.deepEqual(own.stdout.slice(0, 3), [
      'own npm -v 0 true',
      'own npm remove 0 ',
      'own npm install 0 ',
    ]);
    assert.ok(!existsSync(join(data, 'node_modules/extra/ran')));
    await run({ npm: [['uninstall', 'extra']] });
    assert.equal((await run({ load: ['extra'] })).stdout[0], 'extra MODULE_NOT_FOUND');
    assert.deepEqual(told(), { count: 0, names: [], disabled: [] });
  });

  test('starts without what does not go with its Node.js, by name, and has it again with one that it goes with', async (t) => {
    if (requireTool(t, 'gcc') === undefined) return;
    const device = await deviceWith(t);
    if (!device) return;
    const { registry, data, run, told } = device;
    const own = process.versions.modules;
    const [fitting, older] = [compileAddon(t, own), compileAddon(t, '127')];
    const index = { 'index.js': 'module.exports = "loaded";' };
    await registry.publish('fits', '1.0.0', {
      // One of several is enough.
      files: { ...index, 'prebuilds/old.node': older, 'prebuilds/right.node': fitting },
    });
    await registry.publish('older', '1.0.0', { files: { ...index, 'build/Release/addon.node': older } });
    await registry.publish('@some/above', '3.1.0', { json: { dependencies: { older: '1' } }, files: index });
    await registry.publish('either', '1.0.0', {
      json: { optionalDependencies: { older: '1' } },
      files: index,
    });
    const names = ['fits', '@some/above', 'either'];
    await run({ npm: [['install', ...names]] });
    const { stdout, stderr } = await run({ load: names });
    assert.deepEqual(stdout, ['fits loaded', '@some/above MODULE_NOT_FOUND', 'either loaded', 'options 0']);
    assert.equal(
      stderr,
      'tskrazy: package "@some/above" 3.1.0, which was installed on the device, is disabled: its add-on ' +
        `"older/build/Release/addon.node" is for ABI 127, and Node.js ${process.versions.node} has ABI ${own}. ` +
        'Install it again, or a version for this Node.js.\n',
    );
    assert.deepEqual(told(), {
      count: 3,
      names: ['either@1.0.0', 'fits@1.0.0'],
      disabled: ['@some/above@3.1.0'],
    });
    // Nothing is looked at again while Node.js is the same.
    assert.equal((await run({ load: ['@some/above'] })).stderr, '');
    // Back to the other Node.js, as it is to this test.
    writeFileSync(join(data, 'node_modules/older/build/Release/addon.node'), fitting);
    writeFileSync(join(data, '.tskrazy-packages.json'), '{"abi":"127"}');
    const back = await run({ load: ['@some/above'] });
    assert.deepEqual([back.stdout[0], back.stderr], ['@some/above loaded', '']);
    assert.equal(told()?.disabled.length, 0);
  });

  test('says that an installation was cut off, and runs without npm and with a broken package', async (t) => {
    const device = await deviceWith(t);
    if (!device) return;
    const { data, run } = device;
    mkdirSync(join(data, '.tskrazy-npm-cut/content'), { recursive: true });
    writeFileSync(join(data, '.tskrazy-installing'), 'install half');
    mkdirSync(join(data, 'node_modules/half'), { recursive: true });
    writeFileSync(join(data, 'node_modules/half/package.json'), '{"dependencies": [');
    writeFileSync(join(data, 'package.json'), '{"dependencies": {"ha');
    writeFileSync(join(data, 'package-lock.json'), '{"packages":{"":{"dependencies":{"half":"1"}}}}');
    const { stdout, stderr } = await run({ load: ['half'] });
    assert.match(stdout[0] ?? '', /^half /);
    assert.deepEqual(JSON.parse(readFileSync(join(data, 'package.json'), 'utf8')), {
      dependencies: { half: '1' },
    });
    assert.equal(
      stderr,
      'tskrazy: package.json in the data directory was not whole; it is made anew from package-lock.json, and the old one is ' +
        'package.json.damaged\n' +
        'tskrazy: an installation was cut off: npm install half. Do it again if something is missing.\n',
    );
    assert.ok(!existsSync(join(data, '.tskrazy-npm-cut')));
    assert.equal((await run({})).stderr, '');
    // A data directory that is none is not the end of the program.
    renameSync(join(data, 'node_modules'), join(data, 'moved'));
    writeFileSync(join(data, 'node_modules'), '');
    assert.match(
      (await run({})).stderr,
      /^tskrazy: what was installed on the device was not looked at: EEXIST/,
    );
    rmSync(join(data, 'node_modules'));
  });
});

test('"installOnDevice" is for published programs; another Node.js comes first where it looks for programs', async (t) => {
  if (requireTool(t, 'npm') === undefined) return;
  const registry = await startNpmRegistry(t);
  await registry.publish('homebridge', '1.0.0');
  const directory = registry.makeInstance({
    'server/package.json': '{"name":"server","version":"1.0.0"}',
    'server/index.js': '',
  });
  await assert.rejects(
    pinnedApp(directory, { npm: './server', installOnDevice: true }),
    userError(
      'Cannot use "./server" for app "app": "installOnDevice" is for programs from npm, and this is a project of yours',
      'Take it out of apps.app: what the project needs belongs into "dependencies" of its package.json.',
    ),
  );
  const { service, entries } = await pinnedApp(directory, {
    npm: 'homebridge',
    installOnDevice: true,
    nodeVersion: '24',
  });
  assert.equal(service.env['PATH'], '/app/app/device/bin:/opt/node-24/bin:/user:/tsk:/bin');
  assert.equal(service.env['NODE_PATH'], '/app/app/node_modules:/perm/app/node_modules');
  assert.deepEqual(service.argv.slice(-4), ['-U', '/perm/app', '-P', '/perm/app/node_modules']);
  const npm = entries.find(({ path }) => path === '/app/app/device/bin/npm');
  assert.ok(npm?.kind === 'file' && npm.content.kind === 'bytes');
  assert.equal(npm.mode, 0o755);
  assert.match(new TextDecoder().decode(npm.content.bytes), /^#!\/opt\/node-24\/bin\/node\n/);
});
