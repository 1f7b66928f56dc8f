// Where an app's own code starts programs by `node:child_process`, and by what name, as far as it is written there.

import { isAlternative, type OwnCode } from './own-code.ts';
import { knownConstants, runsNowhere } from './dead-code.ts';
import { argumentsOf, type Fields, nameOf, type SyntaxNode, textOf, walk } from './syntax-tree.ts';

/** Functions that always use a shell. */
const BY_SHELL = new Set(['exec', 'execSync']);
/** Those that use one where their options say so. */
const BY_NAME = new Set(['spawn', 'spawnSync', 'execFile', 'execFileSync']);
const MODULE = /^(?:node:)?child_process$/;
/** What compilers wrap around `require` in CommonJS. */
const INTEROP = /^_*(?:importStar|importDefault|interop\w*|toESM)$/i;
const SHELL_NAME = /^(?:ba|da|a|k|z)?sh$/;

export interface StartedProgram {
  node: Fields;
  /** The function, by its name in the module. */
  call: string;
  /** Undefined: it is not known here. */
  program: string | undefined;
  /** Undefined: none. Otherwise `sh`, or the one that is named. */
  shell: string | undefined;
}

/** In the order in which they stand in the file, without what is for other systems. */
export function startedPrograms({ root, text }: OwnCode): StartedProgram[] {
  if (!text.includes('child_process')) return [];
  const names = new ImportedNames(root);
  const found: StartedProgram[] = [];
  const known = knownConstants(root);
  walk(root, (node, above) => {
    if (node.type !== 'CallExpression' || isAlternative(above) || runsNowhere(node, above, known)) return;
    const called = names.functionOf(node['callee']);
    const started = called === undefined ? handedOn(node, above.at(-1), names) : startedBy(node, called);
    if (started !== undefined) found.push(started);
  });
  return found;
}

function startedBy(node: Fields, call: string): StartedProgram | undefined {
  const args = argumentsOf(node);
  const written = textOf(args[0]);
  const asked = args.map(shellOf).find((shell) => shell !== undefined);
  if (BY_SHELL.has(call) || asked !== undefined)
    return {
      node,
      call,
      program: written === undefined ? undefined : programOf(written),
      shell: asked ?? 'sh',
    };
  if (written === undefined || written === '') return undefined;
  const base = written.split('/').at(-1) ?? '';
  if (SHELL_NAME.test(base)) return { node, call, program: undefined, shell: base };
  // A command, with options that are not written here.
  if (/\s/.test(written)) return { node, call, program: programOf(written), shell: 'sh' };
  return { node, call, program: written, shell: undefined };
}

/** Given to another function, which calls it; but for `promisify`, whose result is followed where it has a name. */
function handedOn(
  node: Fields,
  parent: Fields | undefined,
  names: ImportedNames,
): StartedProgram | undefined {
  if (names.functionOf(node) !== undefined) {
    const named = (parent?.['id'] ?? parent?.['left']) as Fields | undefined;
    if (named?.type === 'Identifier' || parent?.['callee'] === node) return undefined;
  }
  const call = argumentsOf(node)
    .map((argument) => names.functionOf(argument))
    .find((name) => name !== undefined && BY_SHELL.has(name));
  return call === undefined ? undefined : { node, call, program: undefined, shell: 'sh' };
}

/** The first word of a command, behind variables that are set for it. */
function programOf(command: string): string | undefined {
  const bare = command.replace(/^\s*(?:\w+=(?:"[^"]*"|'[^']*'|[^\s"']+)?\s+)*/, '');
  return /^[^\s;|&<>()$'"`=]+(?![^\s;|&<>()])/.exec(bare)?.[0];
}

/** `{ shell: true }` is sh, `{ shell: '/bin/bash' }` is bash. */
function shellOf(options: Fields): string | undefined {
  if (options.type !== 'ObjectExpression') return undefined;
  for (const property of options['properties'] as Fields[]) {
    const name = nameOf(property['key']) ?? textOf(property['key']);
    const { type, value } = (property['value'] ?? {}) as Fields;
    if (name === 'shell' && type === 'Literal' && value !== false && value !== '')
      return typeof value === 'string' ? (value.split('/').at(-1) ?? '') : 'sh';
  }
  return undefined;
}

/** By which names a file knows the module and its functions. */
class ImportedNames {
  readonly #functions = new Map<string, string>();
  readonly #modules = new Set<string>();

  constructor(root: SyntaxNode) {
    walk(root, (node) => {
      if (node.type === 'ImportDeclaration') this.#takeImport(node);
      if (node.type === 'VariableDeclarator') this.#take(node['id'] as Fields, node['init']);
      if (node.type === 'AssignmentExpression' && node['operator'] === '=')
        this.#take(node['left'] as Fields, node['right']);
    });
  }

  /** Of the module, by its own name; also of what `promisify` makes of it. */
  functionOf(node: unknown): string | undefined {
    const { type, object, expression, expressions, callee } = (node ?? {}) as Fields;
    if (type === 'ChainExpression') return this.functionOf(expression);
    if (type === 'SequenceExpression') return this.functionOf((expressions as Fields[]).at(-1));
    if (type === 'CallExpression' && nameOf(callee) === 'promisify')
      return this.functionOf(argumentsOf(node as Fields)[0]);
    const name = nameOf(node);
    if (name === undefined) return undefined;
    if (type === 'Identifier') return this.#functions.get(name);
    return type === 'MemberExpression' && isFunction(name) && this.#isModule(object) ? name : undefined;
  }

  #takeImport(node: Fields): void {
    if (!MODULE.test(textOf(node['source']) ?? '')) return;
    for (const { type, local, imported } of node['specifiers'] as Fields[]) {
      const own = type === 'ImportSpecifier' ? (nameOf(imported) ?? textOf(imported)) : 'default';
      this.#name(nameOf(local), own);
    }
  }

  /** What a name, or the names of a pattern, get. */
  #take(target: Fields, value: unknown): void {
    if (target.type === 'Identifier') {
      const called = this.functionOf(value);
      if (called !== undefined) this.#name(nameOf(target), called);
      else if (this.#isModule(value)) this.#name(nameOf(target), 'default');
    }
    if (target.type !== 'ObjectPattern' || !this.#isModule(value)) return;
    for (const { key, value: local } of target['properties'] as Fields[]) {
      const { type, left } = (local ?? {}) as Fields;
      this.#name(nameOf(type === 'AssignmentPattern' ? left : local), nameOf(key));
    }
  }

  #name(local: string | undefined, own: string | undefined): void {
    if (local === undefined || own === undefined) return;
    if (own === 'default') this.#modules.add(local);
    else if (isFunction(own)) this.#functions.set(local, own);
  }

  /** `require('child_process')`, `await import('node:child_process')`, their `default`, or a name of one. */
  #isModule(node: unknown): boolean {
    const { type, argument, source, callee, object } = (node ?? {}) as Fields;
    if (type === 'Identifier') return this.#modules.has(nameOf(node) ?? '');
    if (type === 'AwaitExpression') return this.#isModule(argument);
    if (type === 'ImportExpression') return MODULE.test(textOf(source) ?? '');
    if (type === 'MemberExpression') return nameOf(node) === 'default' && this.#isModule(object);
    if (type !== 'CallExpression') return false;
    const [first] = argumentsOf(node as Fields);
    const name = nameOf(callee) ?? '';
    if (INTEROP.test(name)) return this.#isModule(first);
    return ['require', 'getBuiltinModule'].includes(name) && MODULE.test(textOf(first) ?? '');
  }
}

function isFunction(name: string): boolean {
  return BY_SHELL.has(name) || BY_NAME.has(name);
}
