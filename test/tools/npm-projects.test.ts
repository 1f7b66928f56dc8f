// Projects that npm knows in other shapes than one directory with a lock file of its own.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, type TestContext, test } from 'node:test';
import { ELF_MACHINE } from '../../src/formats/elf.ts';
import { buildApp } from '../../src/host/apps/build-app.ts';
import { appConfig, appContext, makeFiles, userError } from '../support/builds/app-builds.ts';
import { makeElf } from '../support/formats/make-elf.ts';
import { installHere, makeNpmInstance } from '../support/builds/npm-instance.ts';
import { requireTool } from '../support/require-tool.ts';

const ADDON = makeElf({ machine: ELF_MACHINE.x86_64, needed: ['libc.so.6'] });

/** Once a name: what is put back is what was there before. */
function setVariable(t: TestContext, name: string, value: string): void {
  const before = process.env[name];
  t.after(() => {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  });
  process.env[name] = value;
}

type NpmNames = Record<string, string>;

suite('an npm project', () => {
  test('with a directory of its own as a package, in a fresh clone, is to be installed', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const root = makeFiles(t, {
      'package.json': '{"name": "all", "workspaces": ["packages/*"]}',
      'packages/library/package.json': '{"name": "library", "version": "1.0.0"}',
      'packages/library/index.js': 'exports.name = "library";',
      'packages/garden/package.json': '{"name": "garden", "dependencies": {"library": "*"}}',
      'packages/garden/main.ts': "import { name } from 'library';\nconsole.log(name);",
    });
    installHere(root);
    const app = appConfig({ node: './main.ts' });
    const context = appContext(join(root, 'packages/garden'));
    await buildApp(app, context);
    await assert.rejects(
      buildApp({ ...app, dependencies: { unbundled: ['library'] } }, context),
      userError(
        /"library" to app "app": it is a directory of your own, not an installed package$/,
        /^Import it/,
      ),
    );
    rmSync(join(root, 'node_modules'), { recursive: true });
    await assert.rejects(
      buildApp(app, context),
      userError(
        /main\.ts:1:22: Could not resolve "library"/,
        `Run "npm install" in ${root}: library is found there only once it is installed.`,
      ),
    );
  });

  test('that asks npm for links instead of copies gets all that its packages depend on', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const native = {
      json: { dependencies: { loader: '1.0.0' } },
      files: { 'prebuilds/linux-x64/addon.node': ADDON, 'index.js': "require('loader');" },
    };
    const directory = await makeNpmInstance(t, { loader: {}, native }, "import 'native';");
    // Nobody but the package itself depends on the loader.
    const path = join(directory, 'package.json');
    const { dependencies, ...json } = JSON.parse(readFileSync(path, 'utf8')) as { dependencies: NpmNames };
    const { loader, ...others } = dependencies;
    writeFileSync(path, JSON.stringify({ ...json, dependencies: others, overrides: { loader } }));
    rmSync(join(directory, 'package-lock.json'));
    writeFileSync(join(directory, '.npmrc'), 'install-strategy=linked\n');
    installHere(directory);
    const { entries } = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    assert.ok(entries.some(({ path }) => path.endsWith('/node_modules/loader/index.js')));
  });

  test('that a tool has copied into a directory of its own is pinned by the lock of the project', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const native = { files: { 'prebuilds/linux-x64/addon.node': ADDON } };
    const directory = await makeNpmInstance(t, { native }, '', { isInstalled: true });
    mkdirSync(join(directory, '.built/server'), { recursive: true });
    writeFileSync(join(directory, '.built/server/main.js'), "require('native');");
    const app = appConfig({ node: './.built/server/main.js' });
    copyFileSync(join(directory, 'package.json'), join(directory, '.built/server/package.json'));
    assert.deepEqual((await buildApp(app, appContext(directory))).warnings, []);
    writeFileSync(join(directory, '.built/server/package.json'), '{"name": "another"}');
    await assert.rejects(
      buildApp(app, { ...appContext(directory), offline: true }),
      /Cannot install the packages/,
    );
  });

  test('is installed in the same way whatever npm run, the user and the shell want of npm', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const native = { files: { 'prebuilds/linux-x64/addon.node': ADDON } };
    const packages = { native, outer: { json: { optionalDependencies: { native: '1.0.0' } } } };
    const directory = await makeNpmInstance(t, packages, "import 'native';");
    const settings = {
      loglevel: 'silent',
      dry_run: 'true',
      json: 'true',
      global: 'true',
      package_lock_only: 'true',
      omit: 'optional',
      location: 'global',
    };
    for (const [name, value] of Object.entries(settings)) setVariable(t, `npm_config_${name}`, value);
    setVariable(t, 'npm_config_workspace', 'none');
    setVariable(t, 'npm_config_offline', 'true');
    setVariable(t, 'NODE_OPTIONS', '--inspect-brk=127.0.0.1:0');
    const fromShell = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    assert.ok(fromShell.entries.some(({ path }) => path.endsWith('/addon.node')));

    for (const name of [...Object.keys(settings), 'workspace', 'offline'])
      delete process.env[`npm_config_${name}`];
    const lines = Object.entries(settings).map(([name, value]) => `${name.replaceAll('_', '-')}=${value}\n`);
    writeFileSync(join(directory, '.npmrc'), lines.join(''));
    const fromFile = await buildApp(appConfig({ node: './main.ts' }), appContext(directory));
    assert.ok(fromFile.entries.some(({ path }) => path.endsWith('/addon.node')));

    const path = join(directory, 'package.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"outer":', '"other":'));
    await assert.rejects(
      buildApp(appConfig({ node: './main.ts' }), appContext(directory)),
      userError(/"npm ci" failed:\n {2}code EUSAGE\n.*Missing: other@/s, /^Run "npm install"/),
    );
  });

  test('with a lock of npm 6 works, and is told of where that does not do', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const native = { files: { 'prebuilds/linux-x64/addon.node': ADDON } };
    const directory = await makeNpmInstance(t, { native }, "import 'native';");
    installHere(directory, '--package-lock-only', '--lockfile-version=1');
    const app = appConfig({ node: './main.ts' });
    assert.deepEqual((await buildApp(app, appContext(directory))).warnings, []);
    const path = join(directory, 'package-lock.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('file:native-1.0.0.tgz', 'file:gone.tgz'));
    await assert.rejects(
      buildApp(app, appContext(directory)),
      userError(
        /package-lock\.json" is of version 1, which does not say all/,
        /^Run "npm install --package-lock-only" with npm 7/,
      ),
    );
  });

  test('without a lock file is installed from the registry of its settings', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const directory = makeFiles(t, {
      'main.ts': "import 'native';",
      'package.json': '{"dependencies": {"native": "1.0.0"}}',
      'node_modules/native/package.json': '{"name": "native", "version": "1.0.0"}',
      'node_modules/native/index.js': '',
      'node_modules/native/prebuilds/linux-x64/addon.node': ADDON,
      '.npmrc': 'registry=http://127.0.0.1:9/\nfetch-retries=0\n',
    });
    await assert.rejects(
      buildApp(appConfig({ node: './main.ts' }), appContext(directory)),
      userError(/"npm install" failed:.*127\.0\.0\.1:9/s, /"registry"/),
    );
  });
});
