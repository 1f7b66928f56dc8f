// Programs that an app's own code starts, by a shell or by their name, and that no device has. Nothing but literal names is
// seen, and what stands in packages is not looked through: the app's log says the rest (no-shell.ts).

import { relative } from 'node:path';
import type { AppConfig } from '../../config/app-config.ts';
import { isAlternative, type OwnCode } from './own-code.ts';
import { argumentsOf, type Fields, nameOf, textOf, walk } from './syntax-tree.ts';

/** Functions of `node:child_process` that always use a shell. */
const BY_SHELL = new Set(['exec', 'execSync']);
/** Those that use one where their options say so. */
const BY_NAME = new Set(['spawn', 'spawnSync', 'execFile', 'execFileSync']);
const MODULE = /^(?:node:)?child_process$/;
const SHELL_NAMES = /^(?:ba|da|a|k|z)?sh$/;
/** What stands before a command and is none: settings of variables, `sudo`. */
const BEFORE_COMMAND = /^(?:\s*(?:\w+=\S*|sudo))*\s+/;

export interface StartedProgram {
  node: Fields;
  /** As the code calls it. */
  call: string;
  /** Undefined: it is not known here. */
  program: string | undefined;
  byShell: boolean;
}

/** In the order in which they stand in the file. */
export function startedPrograms({ root }: OwnCode): StartedProgram[] {
  const names = importedNames(root);
  const found: StartedProgram[] = [];
  if (names.functions.size === 0 && names.modules.size === 0) return found;
  walk(root, (node, above) => {
    if (isForOtherSystems(above)) return;
    const called = node.type === 'CallExpression' ? functionOf(node['callee'], names) : undefined;
    if (called !== undefined) {
      const started = startedBy(node, called);
      if (started !== undefined) found.push(started);
      return;
    }
    // `promisify(exec)`: handed on, to be called elsewhere.
    const handed = argumentsOf(node)
      .map((argument) => functionOf(argument, names))
      .find((name) => name !== undefined && BY_SHELL.has(name));
    if (handed !== undefined) found.push({ node, call: handed, program: undefined, byShell: true });
  });
  return found;
}

function startedBy(node: Fields, call: string): StartedProgram | undefined {
  const args = argumentsOf(node);
  const first = textOf(args[0]);
  if (BY_SHELL.has(call)) {
    return { node, call, program: first && firstWord(first), byShell: true };
  }
  const isShell = first !== undefined && SHELL_NAMES.test(first.split('/').at(-1) ?? '');
  if (isShell || args.some(asksForShell)) {
    return { node, call, program: isShell ? undefined : first && firstWord(first), byShell: true };
  }
  return first === undefined ? undefined : { node, call, program: first, byShell: false };
}

function firstWord(command: string): string | undefined {
  return /^[^\s;|&<>()$'"`]+/.exec(command.replace(BEFORE_COMMAND, ''))?.[0];
}

/** `{ shell: true }` and `{ shell: '/bin/bash' }`. */
function asksForShell(options: Fields): boolean {
  if (options.type !== 'ObjectExpression') return false;
  return (options['properties'] as Fields[]).some((property) => {
    const name = nameOf(property['key']) ?? textOf(property['key']);
    const { type, value } = (property['value'] ?? {}) as Fields;
    return name === 'shell' && type === 'Literal' && value !== false && value !== '';
  });
}

interface ImportedNames {
  /** Local name to the function's own. */
  functions: Map<string, string>;
  /** Local names of the whole module. */
  modules: Set<string>;
}

function importedNames(root: OwnCode['root']): ImportedNames {
  const functions = new Map<string, string>();
  const modules = new Set<string>();
  const take = (local: string | undefined, imported: string | undefined): void => {
    if (local !== undefined && imported !== undefined && (BY_SHELL.has(imported) || BY_NAME.has(imported)))
      functions.set(local, imported);
  };
  walk(root, (node) => {
    if (node.type === 'ImportDeclaration' && MODULE.test(textOf(node['source']) ?? '')) {
      for (const specifier of node['specifiers'] as Fields[]) {
        const local = nameOf(specifier['local']);
        if (specifier.type === 'ImportSpecifier') take(local, nameOf(specifier['imported']));
        else if (local !== undefined) modules.add(local);
      }
    }
    if (node.type !== 'VariableDeclarator' || !isRequired(node['init'] as Fields | null)) return;
    const id = node['id'] as Fields;
    if (id.type === 'Identifier') modules.add(nameOf(id) ?? '');
    if (id.type !== 'ObjectPattern') return;
    for (const { key, value } of id['properties'] as Fields[]) take(nameOf(value), nameOf(key));
  });
  return { functions, modules };
}

/** `require('child_process')`, and `await import('node:child_process')`. */
function isRequired(node: Fields | null): boolean {
  if (node?.type === 'AwaitExpression') return isRequired(node['argument'] as Fields);
  if (node?.type === 'ImportExpression') return MODULE.test(textOf(node['source']) ?? '');
  return (
    node?.type === 'CallExpression' &&
    nameOf(node['callee']) === 'require' &&
    MODULE.test(textOf(argumentsOf(node)[0]) ?? '')
  );
}

function functionOf(node: unknown, { functions, modules }: ImportedNames): string | undefined {
  const { type, object, expression } = (node ?? {}) as Fields;
  if (type === 'ChainExpression') return functionOf(expression, { functions, modules });
  const name = nameOf(node);
  if (name === undefined) return undefined;
  if (type === 'Identifier') return functions.get(name);
  const isOfModule = type === 'MemberExpression' && modules.has(nameOf(object) ?? '');
  return isOfModule && (BY_SHELL.has(name) || BY_NAME.has(name)) ? name : undefined;
}

/** In an `if` or `? :` that asks for the operating system, or for the device's own directory, is what is not for devices. */
function isForOtherSystems(above: readonly Fields[]): boolean {
  return (
    isAlternative(above) ||
    above.some(
      ({ type, test }) =>
        ['IfStatement', 'ConditionalExpression', 'SwitchStatement'].includes(type) && asksForPlatform(test),
    )
  );
}

function asksForPlatform(test: unknown): boolean {
  let isAsked = false;
  if (test === undefined || test === null) return false;
  walk(test as Fields, (node) => {
    isAsked ||= nameOf(node) === 'platform' || ['darwin', 'win32'].includes(textOf(node) ?? '');
  });
  return isAsked;
}

export interface StartingApp {
  appName: string;
  instanceDirectory: string;
  /** As in AppConfig: `off` is an app that cannot have a shell. */
  sandbox: AppConfig['sandbox'];
  /** As in AppContext. */
  appNames: ReadonlySet<string>;
}

/** A warning for each program that will not start on the device, as far as can be seen here. */
export function missingPrograms(app: StartingApp, sources: readonly OwnCode[]): string[] {
  const warnings = sources.flatMap((source) =>
    startedPrograms(source).flatMap((started) => {
      const problem = problemOf(started, app);
      const place = `${relative(app.instanceDirectory, source.path)}:${source.lineOf(started.node)}`;
      return problem === undefined ? [] : [`${place}: ${problem}`];
    }),
  );
  return [...new Set(warnings)];
}

function problemOf(
  { call, program, byShell }: StartedProgram,
  { appName, sandbox, appNames }: StartingApp,
): string | undefined {
  const mayHaveShell = sandbox !== 'off';
  // What a shell has is busybox's, whose commands are not known here.
  if (mayHaveShell && sandbox.hasShell === true) return undefined;
  if (byShell) {
    const what = program === undefined ? 'a command' : `"${program}"`;
    const remedies = [
      ...(mayHaveShell ? [`add "shell": true to apps.${appName}`] : []),
      'start a program of the image without a shell (spawn, execFile)',
    ];
    return `${call} runs ${what} by a shell, which is not on the device; if the app needs it, ${remedies.join(', or ')}`;
  }
  if (program === undefined || program.includes('/') || program === 'node' || appNames.has(program))
    return undefined;
  return (
    `"${program}" is started by its name, and no program of that name is on the device; if the app needs it, ` +
    `include one for the board below /app/${appName} and start it by its path (TSK_APP_DIR in the environment names that directory)`
  );
}
