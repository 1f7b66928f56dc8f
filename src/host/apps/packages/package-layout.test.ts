import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { makeFiles, userError } from '../../../../test/support/builds/app-builds.ts';
import { BOARDS } from '../../../shared/board/boards.ts';
import { layOutPackages, type PlacedPackage, type WantedPackage } from './package-layout.ts';

/** `{ 'a': {...} }` is the package.json of node_modules/a; nested ones are written `a/node_modules/b`. */
function lay(
  t: TestContext,
  packages: Record<string, object>,
  wanted: Partial<WantedPackage>[],
): PlacedPackage[] {
  const root = makeFiles(
    t,
    Object.fromEntries(
      Object.entries(packages).map(([path, json]) => [
        `node_modules/${path}/package.json`,
        JSON.stringify(json),
      ]),
    ),
  );
  const all = wanted.map(({ name = '', directory = name, isOptional = false }) => ({
    name,
    isOptional,
    directory: join(root, 'node_modules', directory),
  }));
  return layOutPackages(all, BOARDS['pc-amd64'], root);
}

suite('layOutPackages', () => {
  test('places a package with all that it depends on, also in circles', (t) => {
    const placed = lay(
      t,
      {
        a: { dependencies: { b: '1', absent: '1' } },
        b: { dependencies: { '@s/c': '1' } },
        '@s/c': { dependencies: { a: '1' } },
        unrelated: {},
      },
      [{ name: 'a' }],
    );
    assert.deepEqual(
      placed.map(({ devicePath }) => devicePath),
      ['node_modules/a', 'node_modules/b', 'node_modules/@s/c'],
    );
  });

  test('takes nothing along by names that are no names of packages', (t) => {
    const names = ['..', '../..', '../../secrets', '../a/../secrets', '@x/../../secrets', '.', 'a/b', '@x'];
    const placed = lay(
      t,
      {
        a: {
          dependencies: Object.fromEntries([...names, 'fine', 'JSONStream'].map((name) => [name, '*'])),
          optionalDependencies: { '../a/../../secrets': '*' },
          peerDependencies: { '..\\..\\secrets': '*' },
        },
        'a/b': {},
        fine: {},
        JSONStream: {},
        '..': {},
        '../secrets': {},
      },
      [{ name: 'a' }],
    );
    assert.deepEqual(
      placed.map(({ devicePath }) => devicePath),
      ['node_modules/a', 'node_modules/fine', 'node_modules/JSONStream'],
    );
  });

  test('nests the second version of a package below the one that needs it', (t) => {
    const placed = lay(
      t,
      {
        a: { dependencies: { c: '1' } },
        b: { dependencies: { c: '2' } },
        'b/node_modules/c': { version: '2.0.0' },
        c: { version: '1.0.0' },
      },
      [{ name: 'a' }, { name: 'b' }],
    );
    assert.deepEqual(
      placed.map((entry) => `${entry.devicePath} ${entry.package.version}`),
      ['node_modules/a ', 'node_modules/b ', 'node_modules/c 1.0.0', 'node_modules/b/node_modules/c 2.0.0'],
    );
  });

  test('keeps what lies below a package there, where its neighbours find the same version as here', (t) => {
    const placed = lay(
      t,
      {
        a: { dependencies: { c: '1', x: '1' } },
        c: { version: '1.0.0', dependencies: { a: '1' } },
        x: { dependencies: { b: '1', c: '2' } },
        'x/node_modules/b': { dependencies: { c: '2' } },
        'x/node_modules/c': { version: '2.0.0', dependencies: { b: '1' } },
      },
      [{ name: 'a' }],
    );
    assert.deepEqual(
      placed.map((entry) => [entry.devicePath, ...entry.dependencies]),
      [
        ['node_modules/a', 'node_modules/c', 'node_modules/x'],
        ['node_modules/c', 'node_modules/a'],
        ['node_modules/x', 'node_modules/x/node_modules/b', 'node_modules/x/node_modules/c'],
        ['node_modules/x/node_modules/b', 'node_modules/x/node_modules/c'],
        ['node_modules/x/node_modules/c', 'node_modules/x/node_modules/b'],
      ],
    );
  });

  test('leaves out packages for other platforms', (t) => {
    const placed = lay(
      t,
      {
        a: { optionalDependencies: { 'a-linux-x64': '1', 'a-wasm32': '1' } },
        'a-linux-x64': { os: ['linux'], cpu: ['x64'] },
        'a-wasm32': { cpu: ['wasm32'] },
      },
      [{ name: 'a' }],
    );
    assert.deepEqual(
      placed.map(({ devicePath, isOptional }) => [devicePath, isOptional]),
      [
        ['node_modules/a', false],
        ['node_modules/a-linux-x64', true],
      ],
    );
    assert.deepEqual(placed[0]?.dependencies, ['node_modules/a-linux-x64']);
  });

  test('refuses two versions at the top', (t) => {
    assert.throws(
      () =>
        lay(t, { c: { version: '1.0.0' }, 'a/node_modules/c': { version: '2.0.0' } }, [
          { name: 'c' },
          { name: 'c', directory: 'a/node_modules/c' },
        ]),
      userError(/package "c": it is needed in two versions, 1\.0\.0 and 2\.0\.0$/, /npm ls c/),
    );
  });
});
