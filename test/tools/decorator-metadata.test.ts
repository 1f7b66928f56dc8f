// Projects whose tsconfig.json asks for decorator metadata, with the compilers that such projects have.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test, type TestContext } from 'node:test';
import { buildApp } from '../../src/host/apps/build-app.ts';
import { appConfig, appContext, makeFiles, unpack } from '../support/builds/app-builds.ts';
import { requireTool } from '../support/require-tool.ts';

/** Injection by the types of a constructor, as NestJS does it. */
const FILES = {
  'src/main.ts': `
    import 'reflect-metadata';
    import { Clock } from './clock.ts';
    import type { Label } from './names.ts';
    import { Injectable, Input } from './injectable.ts';
    import Pump, { type Named, Valve } from './parts.ts';
    import { Place } from './names.ts';

    @Injectable()
    class Garden {
      @Input() size!: number;
      constructor(
        readonly clock: Clock,
        private readonly pump: Pump,
        readonly valves: Valve[],
        readonly valve: Valve,
        readonly place: Place,
        readonly label: Label,
        readonly named: Named,
        readonly name?: string,
      ) {}
      describe(): string { return this.clock.now() + this.pump.constructor.name; }
    }

    const types = Reflect.getMetadata('design:paramtypes', Garden) as (new () => never)[];
    console.log(types.map(({ name }) => name).join(' '));
    console.log(types[0] === Clock, new Garden(...(types.map((type) => new type()) as unknown as [never])).describe());
    const typeOf = (of: object, name: string) => Reflect.getMetadata('design:type', of, name).name;
    console.log(typeOf(Garden.prototype, 'size'), typeOf(Valve.prototype, 'opened'), import.meta.main);
  `,
  'src/clock.ts':
    "import { Injectable } from './injectable.ts';\n@Injectable()\nexport class Clock { now() { return 'now '; } }",
  'src/injectable.ts':
    'export const Injectable = (): ClassDecorator => () => {};\n' +
    "export const Input = (): PropertyDecorator => () => {};\nconsole.log('injectable');",
  'src/names.ts': "console.log('names');\nexport type Label = string;\nexport interface Place { x: number }",
  'src/parts.ts':
    "import { Input } from './injectable.ts';\nconsole.log('parts');\n" +
    'export class Valve { @Input() opened!: Date; }\nexport interface Named { name: string }\nexport default class Pump {}',
  'tsconfig.json': '{ "extends": "@made-up/base/tsconfig.json" }',
};

/** A project with these compilers, which this computer's npm brings from its registry. */
function makeProject(t: TestContext, ...compilers: readonly string[]): string | undefined {
  if (requireTool(t, 'npm') === undefined) return undefined;
  const directory = makeFiles(t, { ...FILES, 'package.json': '{"name": "garden", "type": "module"}' });
  const install = (...args: readonly string[]): void => {
    const all = ['install', '--ignore-scripts', '--prefer-offline', '--no-audit', '--no-fund', ...args];
    execFileSync('npm', all, { cwd: directory, stdio: 'pipe' });
  };
  try {
    install('reflect-metadata@0.2.2');
    install('--save-dev', ...compilers);
  } catch (error) {
    if (process.env['REQUIRE_TOOLS'] === '1') throw error;
    t.skip('npm does not reach its registry');
    return undefined;
  }
  const base = join(directory, 'node_modules/@made-up/base');
  mkdirSync(base, { recursive: true });
  const compilerOptions = { experimentalDecorators: true, emitDecoratorMetadata: true };
  writeFileSync(join(base, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
  return directory;
}

suite('decorator metadata', { concurrency: 2 }, () => {
  for (const [name, compiler] of [
    ['TypeScript 5', 'typescript@5.9.3'],
    ['TypeScript 6', 'typescript@6.0.3'],
    ['swc', '@swc/core@1.16.22'],
  ] as const) {
    test(`of a constructor's types, by ${name}`, async (t) => {
      const directory = makeProject(t, compiler);
      if (directory === undefined) return;
      const built = await buildApp(appConfig({ node: './src/main.ts' }), appContext(directory));
      assert.deepEqual(built.warnings, []);
      const root = makeFiles(t, {});
      unpack(built, root);
      const { stdout, stderr } = spawnSync(process.execPath, [join(root, built.service.argv.at(-1) ?? '')], {
        encoding: 'utf8',
      });
      assert.equal(stderr, '');
      assert.deepEqual(stdout.trimEnd().split('\n'), [
        'injectable',
        'parts',
        'names',
        'Clock Pump Array Valve Object Object Object String',
        'true now Pump',
        'Number Date true',
      ]);
    });
  }

  test('by TypeScript 7 alone is none, and the build says what helps', async (t) => {
    const directory = makeProject(t, 'typescript@7.0.2');
    if (directory === undefined) return;
    const { warnings } = await buildApp(appConfig({ node: './src/main.ts' }), appContext(directory));
    assert.match(
      warnings.join('\n'),
      /^tsconfig\.json: "emitDecoratorMetadata" has no effect, .*: run "npm install --save-dev @swc\/core"/,
    );
  });
});
