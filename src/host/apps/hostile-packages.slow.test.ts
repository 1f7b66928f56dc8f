// Packages of others that want files of whoever builds in the image: nothing of them runs while an app is built, so that they
// can only name what tsk is to take.

import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { appConfig, appContext, makeFiles, userError } from '../../../test/support/builds/app-builds.ts';
import { type AppBuild, buildApp } from './build-app.ts';

const CANARY = 'canary-b7f3';
const STATE = {
  '.tskrazy/wifi.json': JSON.stringify({ psk: CANARY }),
  '.tskrazy/update-key.pem': `${CANARY}\n`,
};

type Files = Readonly<Record<string, string>>;

function packageOf(name: string, code: string, fields: object = {}): Files {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({
      name,
      version: '1.0.0',
      main: 'main.mjs',
      ...fields,
    }),
    [`node_modules/${name}/main.mjs`]: code,
  };
}

const USES = { 'main.ts': "import taken from 'other'; console.log(taken);" };

function build(directory: string): Promise<AppBuild> {
  return buildApp(appConfig({ node: './main.ts' }), appContext(directory));
}

/** All that is in the image, with the names of its files. */
function contentOf({ entries }: AppBuild): string {
  return entries
    .map((entry) => {
      if (entry.kind !== 'file') return entry.path;
      const { content } = entry;
      const bytes = content.kind === 'bytes' ? content.bytes : readFileSync(content.path);
      return `${entry.path}\n${Buffer.from(bytes).toString('latin1')}`;
    })
    .join('\n');
}

function outside(t: TestContext): string {
  return join(makeFiles(t, { 'config.json': JSON.stringify({ auths: CANARY }) }), 'config.json');
}

suite('a package that imports', () => {
  for (const [what, code] of [
    ['the networks of the instance', "export { default } from '../../.tskrazy/wifi.json';"],
    [
      'its update key',
      "import key from '../../.tskrazy/update-key.pem' with { type: 'text' }; export default key;",
    ],
    ['its update key, by require', "export default require('../../.tskrazy/wifi.json');"],
  ] as const) {
    test(`${what} is refused`, async (t) => {
      const directory = makeFiles(t, { ...STATE, ...USES, ...packageOf('other', code) });
      await assert.rejects(
        build(directory),
        userError(
          /^Cannot bundle app "app": "node_modules\/other\/main\.mjs" imports "\.tskrazy\/[a-z-]+\.[a-z]+", where tsk keeps /,
        ),
      );
    });
  }

  test('a file of the person who builds is refused, by its absolute name, too', async (t) => {
    const file = outside(t);
    for (const name of [
      file,
      `../../../${basename(dirname(file))}/config.json`,
      `../../../../../../..${file}`,
    ]) {
      const directory = makeFiles(t, {
        ...USES,
        ...packageOf('other', `export { default } from ${JSON.stringify(name)};`),
      });
      await assert.rejects(
        build(directory),
        userError(
          /^Cannot bundle app "app": package "other" \(main\.mjs\) imports "\S+config\.json", which is no part of a package$/,
          /"other"/,
        ),
      );
    }
  });

  test('files of the person by half a name, which the bundler completes, are refused', async (t) => {
    const file = outside(t);
    for (const name of ['../../.tskrazy/', `../../../${basename(dirname(file))}/`]) {
      const directory = makeFiles(t, {
        ...STATE,
        ...USES,
        ...packageOf('other', `export default (name) => require(${JSON.stringify(name)} + name + '.json');`),
      });
      await assert.rejects(
        build(directory),
        userError(/imports "\S+\*\.json", (?:where tsk keeps|which is no part)/),
      );
    }
  });

  test('a file of its own that is a link to one of the person is refused', async (t) => {
    const directory = makeFiles(t, {
      ...USES,
      ...packageOf('other', "export { default } from './own.json';"),
    });
    symlinkSync(outside(t), join(directory, 'node_modules/other/own.json'));
    await assert.rejects(build(directory), userError(/imports "\S+config\.json", which is no part/));
  });

  test('another file of the project is refused', async (t) => {
    const directory = makeFiles(t, {
      ...USES,
      'settings.json': '{}',
      ...packageOf('other', "export { default } from '../../settings.json';"),
    });
    await assert.rejects(
      build(directory),
      userError(/imports "settings\.json", which is no part of a package/),
    );
  });
});

test('a package whose main file is one of the person is refused, whoever imports it', async (t) => {
  const file = outside(t);
  const leading = makeFiles(t, { ...USES, ...packageOf('other', '', { main: `../../../../../..${file}` }) });
  await assert.rejects(
    build(leading),
    userError(
      /^Cannot bundle app "app": package "other" leads to "\S+config\.json", which is no part of it$/,
    ),
  );
  const below = makeFiles(t, {
    ...USES,
    ...packageOf('other', "export { default } from 'third';"),
    ...packageOf('third', '', { main: `../../../../../..${file}` }),
  });
  await assert.rejects(build(below), userError(/package "third" leads to/));
});

test("an app's own code does not get what is in .tskrazy either", async (t) => {
  const directory = makeFiles(t, { ...STATE, 'main.ts': "import './.tskrazy/wifi.json';" });
  await assert.rejects(build(directory), userError(/"main\.ts" imports "\.tskrazy\/wifi\.json"/));
  const half = makeFiles(t, {
    ...STATE,
    'main.ts': "console.log((name: string) => require('./' + name + '.json'));",
  });
  await assert.rejects(build(half), userError(/: it imports "\.tskrazy\/wifi\.json", where tsk keeps/));
});

test('what packages of people have always imported goes on as before', async (t) => {
  const project = makeFiles(t, {
    'shared/index.mjs': "export { default } from './value.json';",
    'shared/value.json': '"shared"',
    'shared/package.json': '{"name":"shared","main":"index.mjs"}',
    'near.ts': "export const near = 'near';",
    'device/main.ts':
      "import other from 'other'; import shared from 'shared'; import { near } from '../near.ts'; console.log(other, shared, near);",
    ...packageOf(
      'other',
      "import deep from '../third/data/deep.json'; import shared from 'shared'; export default [deep, shared];",
    ),
    ...packageOf('third', ''),
    'node_modules/third/data/deep.json': '"deep"',
    'device/.tskrazy/wifi.json': CANARY,
  });
  symlinkSync('../shared', join(project, 'node_modules/shared'));
  const content = contentOf(await build(join(project, 'device')));
  for (const word of ['"deep"', '"shared"', '"near"']) assert.ok(content.includes(word), word);
});
