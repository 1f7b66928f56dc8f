// An app's own source file as a tree of JavaScript, whatever it is written in, with the lines of the file.

import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { extname, relative } from 'node:path';
import { type Loader, transform } from 'esbuild';
import { type Fields, nameOf, parseCode, type SyntaxNode, walk } from './syntax-tree.ts';

export interface OwnCode {
  path: string;
  root: SyntaxNode;
  /** Of the JavaScript. */
  text: string;
  /** Line of a node in the file, from 1. */
  lineOf(node: SyntaxNode): number;
}

const LOADERS: Readonly<Record<string, Loader>> = {
  '.js': 'jsx',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
};

/** `src/main.ts:12`, as the person reads it. */
export function placeOf(source: OwnCode, node: SyntaxNode, instanceDirectory: string): string {
  return `${relative(instanceDirectory, source.path)}:${source.lineOf(node)}`;
}

/** The files that are code. */
export async function readOwnCode(paths: readonly string[]): Promise<OwnCode[]> {
  const all = await Promise.all(paths.map((path) => readOne(path)));
  return all.filter((code) => code !== undefined);
}

async function readOne(path: string): Promise<OwnCode | undefined> {
  const loader = LOADERS[extname(path)];
  if (loader === undefined) return undefined;
  // The bundler has read the file already, so its mistakes are told.
  const { code, map } = await transform(readFileSync(path, 'utf8'), {
    loader,
    sourcefile: path,
    sourcemap: 'external',
    target: 'node26',
    charset: 'utf8',
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    logLevel: 'silent',
  });
  const root = parseCode(code);
  if (root === undefined) return undefined;
  const origins = new SourceMap(JSON.parse(map));
  return {
    path,
    root,
    text: code,
    lineOf({ loc }) {
      const origin = origins.findOrigin(loc?.start.line ?? 1, (loc?.start.column ?? 0) + 1);
      return 'lineNumber' in origin ? origin.lineNumber : (loc?.start.line ?? 1);
    },
  };
}

/** `process.env.TSK_APP_DIR ?? join(import.meta.dirname, '..')`, and the same with `||` and `? :`. */
export function isAlternative(above: readonly Fields[]): boolean {
  return above.some(
    (outer) =>
      ['LogicalExpression', 'ConditionalExpression'].includes(outer.type) && namesAppDirectory(outer),
  );
}

function namesAppDirectory(root: Fields): boolean {
  let isNamed = false;
  walk(root, (node) => {
    isNamed ||= node.type === 'MemberExpression' && nameOf(node) === 'TSK_APP_DIR';
  });
  return isNamed;
}
