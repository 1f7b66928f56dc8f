// Published programs that something is wrong with on the way, or odd, by the real npm from a registry of our own.

import assert from 'node:assert/strict';
import { appendFileSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import type { Lock } from '../../src/host/components/lock-file.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import { RootTree } from '../../src/host/root-tree.ts';
import { appConfig, appContext, userError } from '../support/builds/app-builds.ts';
import { type NpmRegistry, startNpmRegistry } from '../support/builds/npm-registry.ts';
import { requireTool } from '../support/require-tool.ts';

async function pinned(directory: string, app: Partial<AppConfig>): Promise<Lock> {
  const { lock } = await pinNpmPrograms(
    { formatVersion: 1, createdAtSec: 0, boards: {} },
    [appConfig(app)],
    appContext(directory),
    { update: false, withoutTool: 'refuse' },
  );
  return lock;
}

const build = (directory: string, app: Partial<AppConfig>, lock: Lock): Promise<AppBuild> =>
  buildApp(appConfig(app), { ...appContext(directory), lock });

async function withRegistry(t: TestContext): Promise<NpmRegistry | undefined> {
  return requireTool(t, 'npm') === undefined ? undefined : startNpmRegistry(t);
}

suite('an npm app', () => {
  test('whose registry breaks off in the middle is refused, leaves nothing, and is built when it is back', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    await registry.publish('below', '1.0.0', { files: { 'index.js': 'x'.repeat(100_000) } });
    await registry.publish('hub', '1.0.0', { json: { dependencies: { below: '1' } } });
    const directory = registry.makeInstance();
    const lock = await pinned(directory, { npm: 'hub' });
    const file = registry.files.get('/below/-/1.0.0.tgz');
    assert.ok(file);
    const hint =
      'Check the network connection and npm\'s "registry" and "proxy" settings, then run the command again.';
    registry.files.set('/below/-/1.0.0.tgz', { ...file, isTruncated: true });
    await assert.rejects(
      build(directory, { npm: 'hub' }, lock),
      userError(/^Cannot install the packages of app "app": "npm ci" failed:\n {2}/, hint),
    );
    registry.files.set('/below/-/1.0.0.tgz', { ...file, statuses: [503, 503, 503] });
    await assert.rejects(
      build(directory, { npm: 'hub' }, lock),
      userError(/^Cannot install the packages of app "app": "npm ci" failed:\n {2}code E503\n/, hint),
    );
    assert.deepEqual(globSync('.cache/{npm,temporary}/*', { cwd: directory }), []);
    registry.files.set('/below/-/1.0.0.tgz', file);
    const { entries } = await build(directory, { npm: 'hub' }, lock);
    assert.ok(entries.some(({ path }) => path === '/app/app/node_modules/below/index.js'));
  });

  test('with scripts of its own is told that they are not run; none of its paths is too long', async (t) => {
    const registry = await withRegistry(t);
    if (!registry) return;
    const long = `${'a'.repeat(120)}/${'b'.repeat(120)}/${'c'.repeat(90)}.js`;
    await registry.publish('hub', '1.0.0', {
      json: { scripts: { postinstall: 'node greet.js' } },
      files: { [long]: 'long' },
    });
    const directory = registry.makeInstance();
    const token = 'hush-hush-token';
    appendFileSync(join(directory, '.npmrc'), `${registry.url.replace('http:', '')}/:_authToken=${token}\n`);
    const built = await build(directory, { npm: 'hub' }, await pinned(directory, { npm: 'hub' }));
    assert.deepEqual(built.warnings, [
      'install scripts of packages of app "app" are not run: hub ("postinstall: node greet.js"); those that nothing needs go into ' +
        'apps.app.dependencies.ignoreInstallScripts',
    ]);
    const tree = new RootTree();
    for (const entry of built.entries) {
      tree.add(entry);
      if (entry.kind !== 'file') continue;
      const { content } = entry;
      const bytes = content.kind === 'bytes' ? Buffer.from(content.bytes) : readFileSync(content.path);
      assert.ok(!bytes.includes(token), entry.path);
    }
    assert.ok(tree.get(`/app/app/node_modules/hub/${long}`));
  });
});
