// `emitDecoratorMetadata`, on which NestJS and TypeORM rely: the bundler, which looks at no types, leaves it out without
// a word. Projects that ask for it are compiled by what they have for it themselves, TypeScript up to 6 or swc, a file
// at a time as isolatedModules has it. Why tsk brings none along is in docs/decisions.md.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, relative } from 'node:path';
import type { Plugin } from 'esbuild';
import { UserError } from '../../user-error.ts';
import { packageOwning } from '../packages/npm-package.ts';
import { markMain } from './entry-main.ts';
import { loosenMetadataTypes } from './metadata-types.ts';
import { emitsMetadata, nearestTsConfig } from './tsconfig.ts';

/** TypeScript -> JavaScript with its source map in it. */
type Compile = (text: string, path: string) => string;

export interface DecoratorCompiler {
  /** The tsconfig.json that asks for metadata. */
  configPath: string;
  /** Undefined: the project has no compiler for it. */
  compile: Compile | undefined;
}

/** Undefined unless the entry point's tsconfig.json asks for metadata. */
export function findDecoratorCompiler(entryPath: string): DecoratorCompiler | undefined {
  const configPath = nearestTsConfig(dirname(entryPath));
  if (configPath === undefined || emitsMetadata(configPath) !== true) return undefined;
  const load = createRequire(configPath);
  return { configPath, compile: typescriptCompiler(load, configPath) ?? swcCompiler(load) };
}

export function decoratorMetadataWarning(
  compiler: DecoratorCompiler | undefined,
  instanceDirectory: string,
): string[] {
  if (!compiler || compiler.compile) return [];
  return [
    `${relative(instanceDirectory, compiler.configPath)}: "emitDecoratorMetadata" has no effect, because the project has no compiler ` +
      'for it: run "npm install --save-dev @swc/core", or "typescript@5"; or name types in the decorators, such as ' +
      '@Column("text") or @Inject(Service)',
  ];
}

/** At the beginning of a line or not, but in no comment of `@param name`'s kind. */
const DECORATED = /(?<!\*[ \t]*)(?:^|[\s{}(;,])@\w/m;

export function decoratorMetadataPlugin(compile: Compile, entryPath: string): Plugin {
  // The bundler may run several times.
  const compiled = new Map<string, string>();
  return {
    name: 'decorator-metadata',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?tsx?$/, namespace: 'file' }, async ({ path }) => {
        if (packageOwning(path) !== undefined) return undefined;
        const text = await readFile(path, 'utf8');
        // Where nothing is decorated the bundler does as well, and faster.
        if (!DECORATED.test(text)) return undefined;
        const marked = path === entryPath ? markMain(text) : text;
        const contents = compiled.get(marked) ?? compileFile(compile, marked, path);
        compiled.set(marked, contents);
        // As TypeScript: what nothing needs any more is not imported.
        return { contents, loader: path.endsWith('x') ? 'tsx' : 'ts' };
      });
    },
  };
}

function compileFile(compile: Compile, text: string, path: string): string {
  try {
    return loosenMetadataTypes(compile(text, path));
  } catch (cause) {
    throw new UserError(`Cannot compile "${path}" with decorator metadata: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/** What is used of TypeScript's programming interface (github.com/microsoft/TypeScript, "Using the Compiler API"). */
interface TypeScript {
  sys: object;
  ModuleKind: { ESNext: number };
  ScriptTarget: { ES2022: number };
  JsxEmit: { Preserve: number };
  readConfigFile(path: string, read: (path: string) => string): { config?: object };
  parseJsonConfigFileContent(config: object, host: object, directory: string): { options: object };
  transpileModule(text: string, input: { fileName: string; compilerOptions: object }): { outputText: string };
}

function typescriptCompiler(load: NodeJS.Require, configPath: string): Compile | undefined {
  const ts = loadPackage(load, 'typescript');
  if (!isTypeScript(ts)) return undefined;
  const { config = {} } = ts.readConfigFile(configPath, (path) => readFileSync(path, 'utf8'));
  // Which files the project has is not asked: the bundler finds them.
  const host = { ...ts.sys, readDirectory: () => [] };
  const { options } = ts.parseJsonConfigFileContent(config, host, dirname(configPath));
  const compilerOptions = {
    ...options,
    experimentalDecorators: true,
    emitDecoratorMetadata: true,
    module: ts.ModuleKind.ESNext,
    moduleResolution: undefined,
    target: ts.ScriptTarget.ES2022,
    jsx: ts.JsxEmit.Preserve,
    verbatimModuleSyntax: false,
    importHelpers: false,
    inlineSourceMap: true,
    sourceMap: false,
    inlineSources: false,
    sourceRoot: undefined,
  };
  return (text, fileName) => ts.transpileModule(text, { fileName, compilerOptions }).outputText;
}

function isTypeScript(found: unknown): found is TypeScript {
  return typeof (found as Partial<TypeScript> | undefined)?.transpileModule === 'function';
}

interface Swc {
  transformSync(text: string, options: object): { code: string };
}

function swcCompiler(load: NodeJS.Require): Compile | undefined {
  const swc = loadPackage(load, '@swc/core') as Swc | undefined;
  if (!swc) return undefined;
  return (text, filename) =>
    swc.transformSync(text, {
      filename,
      swcrc: false,
      configFile: false,
      sourceMaps: 'inline',
      module: { type: 'es6' },
      jsc: {
        target: 'es2022',
        parser: { syntax: 'typescript', tsx: filename.endsWith('x'), decorators: true },
        transform: { legacyDecorator: true, decoratorMetadata: true, react: { runtime: 'preserve' } },
      },
    }).code;
}

function loadPackage(load: NodeJS.Require, name: string): unknown {
  try {
    return load(name);
  } catch {
    // Not installed, or for another machine.
    return undefined;
  }
}
