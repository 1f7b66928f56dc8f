// Finds files that an app's own code reads and that will not be where it looks for them on the device: beside itself,
// such as `new URL('./data.txt', import.meta.url)`; in the current directory, which is the data directory there; and
// what it requires behind the bundler's back, by createRequire. Who forgot it should hear of it now and not from the
// running device. Only literal paths are seen, and only files that are there on this machine are spoken of.

import { existsSync, realpathSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative, resolve, sep } from 'node:path';
import type { RootEntry } from '../../root-tree.ts';
import { packageNameOf } from '../packages/npm-package.ts';
import { isAlternative, type OwnCode, placeOf } from './own-code.ts';
import { pathsInWorkingDirectory } from './working-directory.ts';
import { argumentsOf, type Fields, nameOf, textOf, walk } from './syntax-tree.ts';

export interface CodeFiles {
  appName: string;
  dataDirectory: string;
  instanceDirectory: string;
  /** Where the app is started on this machine: the directory of its package.json. */
  projectDirectory: string;
  /** The app's own source files. */
  sources: readonly OwnCode[];
  /** What `include` copies, and the packages outside of the bundle. */
  included: readonly RootEntry[];
}

/** What the code looks for: a path as written, and where it stands. */
interface Wanted {
  node: Fields;
  written: string;
  from: 'beside' | 'package';
}

/** A warning for each file and package that is there on this machine and not on the device. */
export function missingFilesBesideCode(files: CodeFiles): string[] {
  const warnings = files.sources.flatMap((source) => {
    const required = createdRequires(source.root);
    const problems = [
      ...wantedBy(source, required).map(({ node, written, from }) => ({
        node,
        problem:
          from === 'package' ? packageProblem(written, files) : fileProblem(written, source.path, files),
      })),
      ...pathsInWorkingDirectory(source, required).map(({ node, written }) => ({
        node,
        problem: workingDirectoryProblem(written, files),
      })),
    ];
    return problems
      .filter(({ problem }) => problem !== undefined)
      .toSorted((a, b) => a.node.start - b.node.start)
      .map(({ node, problem }) => `${placeOf(source, node, files.instanceDirectory)}: ${problem}`);
  });
  return [...new Set(warnings)];
}

function wantedBy({ root }: OwnCode, required: ReadonlySet<string>): Wanted[] {
  const wanted: Wanted[] = [];
  walk(root, (node, above) => {
    const args = argumentsOf(node);
    const texts = args.map(textOf);
    if (node.type === 'NewExpression' && nameOf(node['callee']) === 'URL') {
      const [written] = texts;
      if (written !== undefined && isMeta(args[1], 'url')) wanted.push({ node, written, from: 'beside' });
      return;
    }
    if (node.type !== 'CallExpression') return;
    const callee = node['callee'] as Fields;
    if (/^(?:join|resolve)$/.test(nameOf(callee) ?? '') && isDirectory(args[0]) && args.length > 1) {
      const [, ...parts] = texts;
      // Where the code asks for the directory of the device first, the other one is for this machine.
      if (parts.every((part) => part !== undefined) && !isAlternative(above)) {
        wanted.push({ node, written: parts.join('/'), from: 'beside' });
      }
      return;
    }
    const called =
      callee.type === 'MemberExpression' && nameOf(callee) === 'resolve' ? callee['object'] : callee;
    const isRequired = (called as Fields).type === 'Identifier' && required.has(nameOf(called) ?? '');
    const [written] = texts;
    if (isRequired && written !== undefined) {
      wanted.push({ node, written, from: /^[./]/.test(written) ? 'beside' : 'package' });
    }
  });
  return wanted;
}

/** Names of functions that are made by createRequire for the file itself. */
function createdRequires(root: OwnCode['root']): Set<string> {
  const names = new Set<string>();
  walk(root, (node) => {
    const { id, init } = node as { id?: Fields; init?: Fields | null };
    if (node.type !== 'VariableDeclarator' || id?.type !== 'Identifier' || init?.type !== 'CallExpression')
      return;
    const [of] = argumentsOf(init);
    const isOfFile = isMeta(of, 'url') || isMeta(of, 'filename') || isNamed(of, '__filename');
    if (nameOf(init['callee']) === 'createRequire' && isOfFile) names.add(nameOf(id) ?? '');
  });
  return names;
}

function isDirectory(node: Fields | undefined): boolean {
  return isMeta(node, 'dirname') || isNamed(node, '__dirname');
}

function isMeta(node: Fields | undefined, name: string): boolean {
  return (node?.['object'] as Fields | undefined)?.type === 'MetaProperty' && nameOf(node) === name;
}

function isNamed(node: Fields | undefined, name: string): boolean {
  return node?.type === 'Identifier' && node['name'] === name;
}

function fileProblem(written: string, source: string, files: CodeFiles): string | undefined {
  const { appName } = files;
  const appDirectory = `/app/${appName}`;
  const file = resolve(dirname(source), written);
  // All code of the bundle lies in the app's directory.
  const target = posix.join(appDirectory, written);
  if (isThere(target, files) || !existsSync(file)) return undefined;
  const from = fromInstance(file, files);
  const missing = `"${written}" will not be at ${target} on the device`;
  if (!target.startsWith(`${appDirectory}/`)) {
    const included = includedAs(file, files);
    if (included !== undefined) {
      return (
        `${missing}, where no include can put it; it is included as ${included}: ` +
        "read it there (TSK_APP_DIR in the environment names the app's directory)"
      );
    }
    return (
      `${missing}, where no include can put it; if the app needs it, include "${from}" below ${appDirectory} ` +
      'and read it there (TSK_APP_DIR in the environment names that directory)'
    );
  }
  const to = posix.relative(appDirectory, target);
  return `${missing}; add {"from": "${from}", "to": "${to}"} to apps.${appName}.include if the app needs it`;
}

function workingDirectoryProblem(written: string, files: CodeFiles): string | undefined {
  const file = [files.projectDirectory, files.instanceDirectory]
    .map((directory) => join(directory, written))
    .find((path) => existsSync(path));
  if (file === undefined) return undefined;
  const { appName, dataDirectory } = files;
  const to = posix.normalize(written).replace(/^(?:\.\.?\/)+|\/$/g, '') || '.';
  const included = includedAs(file, files);
  const include =
    included === undefined
      ? `add {"from": "${fromInstance(file, files)}", "to": "${to}"} to apps.${appName}.include and read it there`
      : `it is included as ${included}: read it there`;
  return (
    `"${written}" is looked for in the current directory, which is ${dataDirectory} on the device; ` +
    `if it is part of the program, ${include}, as \`\${process.env.TSK_APP_DIR ?? '.'}${to === '.' ? '' : `/${to}`}\`, ` +
    "or begin with process.chdir(process.env.TSK_APP_DIR ?? '.')"
  );
}

function fromInstance(file: string, { instanceDirectory }: CodeFiles): string {
  return relative(instanceDirectory, file).replaceAll(sep, '/') || '.';
}

function isThere(target: string, { included }: CodeFiles): boolean {
  return included.some(({ path }) => path === target || path.startsWith(`${target}/`));
}

/** Where an include has put the file, or what lies in the directory. */
function includedAs(file: string, { included }: CodeFiles): string | undefined {
  const real = realpathSync.native(file);
  for (const entry of included) {
    if (entry.kind !== 'file' || entry.content.kind !== 'path') continue;
    const inside = relative(real, realpathSync.native(entry.content.path)).replaceAll(sep, '/');
    if (inside === '') return entry.path;
    if (!inside.startsWith('../') && entry.path.endsWith(`/${inside}`))
      return entry.path.slice(0, -inside.length - 1);
  }
  return undefined;
}

function packageProblem(written: string, { appName, included }: CodeFiles): string | undefined {
  const name = packageNameOf(written);
  const isPresent = included.some(({ path }) => path.startsWith(`/app/${appName}/node_modules/${name}/`));
  if (isBuiltin(written) || isPresent) return undefined;
  return (
    `"${written}" is required in a way that the bundler does not see, and will not be on the device; ` +
    `import it, or add "${name}" to apps.${appName}.dependencies.unbundled`
  );
}
