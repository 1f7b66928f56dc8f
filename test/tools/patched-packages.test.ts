// What patch-package does at an installation, done while packages are installed for a board.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { type AppBuild, buildApp } from '../../src/host/apps/build-app.ts';
import { pinNpmPrograms } from '../../src/host/apps/npm/pin-npm-programs.ts';
import type { AppConfig } from '../../src/host/config/app-config.ts';
import { appConfig, appContext, userError } from '../support/builds/app-builds.ts';
import { makeNpmInstance } from '../support/builds/npm-instance.ts';
import { startNpmRegistry } from '../support/builds/npm-registry.ts';
import { requireTool } from '../support/require-tool.ts';

/** As patch-package makes them. */
function patchOf(path: string, from: string, to: string): string {
  return `diff --git a/${path} b/${path}\nindex 1234567..89abcde 100644\n--- a/${path}\n+++ b/${path}\n@@ -1 +1 @@\n-${from}\n+${to}\n`;
}

const BINARY =
  'diff --git a/node_modules/below/.DS_Store b/node_modules/below/.DS_Store\nnew file mode 100644\n' +
  'index 0000000..78b190e\nBinary files /dev/null and b/node_modules/below/.DS_Store differ\n';

function textOf({ entries }: AppBuild, path: string): string | undefined {
  const file = entries.find((entry) => entry.path === `/app/app/${path}`);
  if (file?.kind !== 'file') return undefined;
  const { content } = file;
  return content.kind === 'path'
    ? readFileSync(content.path, 'utf8')
    : new TextDecoder().decode(content.bytes);
}

suite('packages are patched', () => {
  test('by those of a program that depend on them', async (t) => {
    if (requireTool(t, 'npm') === undefined) return;
    const registry = await startNpmRegistry(t);
    const directory = registry.makeInstance();
    for (const version of ['1.0.0', '2.0.0'])
      await registry.publish('below', version, { files: { 'index.js': `${version} \n` } });
    for (const [name, below] of [
      ['fits', '1.0.0'],
      ['late', '2.0.0'],
    ] as const) {
      await registry.publish(name, '1.0.0', {
        json: { scripts: { postinstall: 'patch-package' }, dependencies: { below } },
        files: {
          'patches/below+1.0.0.patch': BINARY + patchOf('node_modules/below/index.js', '1.0.0', 'patched'),
          'patches/absent+1.0.0.patch': patchOf('node_modules/absent/index.js', 'a', 'b'),
          'patches/README.patch': 'no name of a package',
        },
      });
    }
    // What they depend on is their own where the program has another version of it.
    for (const [name, dependencies] of [
      ['with-fits', { below: '2.0.0', fits: '1.0.0' }],
      ['with-late', { below: '1.0.0', late: '1.0.0' }],
    ] as const)
      await registry.publish(name, '1.0.0', { json: { dependencies } });
    const make = async (app: Partial<AppConfig>): Promise<AppBuild> => {
      const context = appContext(directory);
      const options = { update: false, withoutTool: 'refuse' } as const;
      const { lock } = await pinNpmPrograms(context.lock, [appConfig(app)], context, options);
      return buildApp(appConfig(app), { ...context, lock });
    };
    const fits = await make({ npm: 'with-fits' });
    const own = 'node_modules/fits/node_modules/below';
    assert.deepEqual(
      [
        textOf(fits, `${own}/index.js`),
        textOf(fits, `${own}/.DS_Store`),
        textOf(fits, 'node_modules/below/index.js'),
        fits.warnings,
      ],
      ['patched\n', undefined, '2.0.0 \n', []],
    );
    await assert.rejects(
      make({ npm: 'with-late' }),
      userError(
        'Cannot install the packages of app "app": patch "patches/below+1.0.0.patch" of package "late" does not apply to ' +
          '"node_modules/below/index.js" of below 2.0.0; it was made for 1.0.0',
        /^Use a version of "late" .* apps\.app\.dependencies\.ignoreInstallScripts\.$/,
      ),
    );
    const ignored = await make({ npm: 'with-late', dependencies: { ignoreInstallScripts: ['late'] } });
    assert.equal(textOf(ignored, 'node_modules/late/node_modules/below/index.js'), '2.0.0 \n');
    await registry.publish('prying', '1.0.0', {
      json: {
        scripts: { postinstall: 'patch-package --patch-dir ../fits/patches' },
        dependencies: { below: '1.0.0', fits: '1.0.0' },
      },
    });
    await registry.publish('with-prying', '1.0.0', {
      json: { dependencies: { below: '2.0.0', prying: '1.0.0' } },
    });
    const prying = await make({ npm: 'with-prying' });
    assert.deepEqual(
      [textOf(prying, 'node_modules/prying/node_modules/below/index.js'), prying.warnings.length],
      ['1.0.0 \n', 1],
    );
    const shared = await make({ npm: 'fits' });
    assert.equal(textOf(shared, 'node_modules/below/index.js'), '1.0.0 \n');
  });

  test('by the project of a node app, bundled or not', async (t) => {
    const instance = await makeProject(t, 'postinstall', 'husky && patch-package --patch-dir fixes');
    if (instance === undefined) return;
    const { directory, write, make } = instance;
    write(
      'fixes/@a+inner+1.0.0.patch',
      patchOf('node_modules/@a/inner/index.js', "exports.a = 'a';", "exports.a = 'A';"),
    );
    write(
      'fixes/outer+1.0.0+001+first.patch',
      patchOf('node_modules/outer/index.js', "exports.b = 'b';", "exports.b = 'c';"),
    );
    write(
      'fixes/outer+1.0.0+002+second.patch',
      patchOf('node_modules/outer/index.js', "exports.b = 'c';", "exports.b = 'B';"),
    );
    const built = await make();
    assert.match(textOf(built, 'main.cjs') ?? '', /\.a = "A"/);
    assert.equal(textOf(built, 'node_modules/outer/index.js'), "exports.b = 'B';\n");
    assert.ok(built.inputs.includes(join(directory, 'fixes/@a+inner+1.0.0.patch')));

    write(
      'fixes/outer+1.0.0+002+second.patch',
      patchOf('node_modules/outer/index.js', "exports.b = 'c';", "exports.b = 'D';"),
    );
    assert.equal(textOf(await make(), 'node_modules/outer/index.js'), "exports.b = 'D';\n");

    const made = '/dev/null';
    for (const [path, from = `a/${path}`] of [
      ['node_modules/outer/../../../evil.js'],
      ['node_modules/other/index.js'],
      ['node_modules/outer/none.js'],
      ['node_modules/outer/index.js/below', made],
      ['node_modules/outer/.', made],
      ['node_modules/outer/\0', made],
      [`node_modules/outer/${'long'.repeat(99)}`, made],
    ] as const) {
      write(
        'fixes/outer+1.0.0+002+second.patch',
        patchOf(path, 'a', 'b').replace(`--- a/${path}`, `--- ${from}`),
      );
      await assert.rejects(
        make(),
        userError(
          `Cannot install the packages of app "app": patch "fixes/outer+1.0.0+002+second.patch" does not apply to "${path}" of outer 1.0.0`,
          'Make it anew for outer 1.0.0 with "npx patch-package outer", or remove it.',
        ),
      );
    }
  });

  test('by no project that does not say so', async (t) => {
    const instance = await makeProject(t, 'test', 'patch-package');
    if (instance === undefined) return;
    instance.write('patches/outer+1.0.0.patch', patchOf('node_modules/outer/index.js', 'x', 'y'));
    assert.equal(textOf(await instance.make(), 'node_modules/outer/index.js'), "exports.b = 'b';\n");
  });
});

interface Project {
  directory: string;
  write: (path: string, text: string) => void;
  make: () => Promise<AppBuild>;
}

/** A fresh clone: nothing is installed. */
async function makeProject(t: TestContext, script: string, command: string): Promise<Project | undefined> {
  if (requireTool(t, 'npm') === undefined) return undefined;
  const inner = { json: { name: '@a/inner' }, files: { 'index.js': "exports.a = 'a';\n" } };
  const outer = { files: { 'index.js': "exports.b = 'b';\n" } };
  const main = "import { a } from '@a/inner';\nimport { b } from 'outer';\nconsole.log(a, b);";
  const directory = await makeNpmInstance(t, { '@a/inner': inner, outer }, main);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  const path = join(directory, 'package.json');
  const json = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...json, scripts: { [script]: command } }));
  const app = { node: './main.ts', dependencies: { unbundled: ['outer'] } };
  return { directory, write, make: () => buildApp(appConfig(app), appContext(directory)) };
}
