// What a file of an npm package does that works only while the package's files lie beside each other: it loads modules
// by computed names, starts programs of its own, reads beside itself. None of that survives in a bundle.

import { isBuiltin } from 'node:module';
import {
  argumentsOf,
  beginningOf,
  childrenOf,
  type Fields,
  isFunction,
  lineOf,
  nameOf,
  parseCode,
  type SyntaxNode,
  textOf,
  walk,
} from './syntax-tree.ts';

export interface Finding {
  /** `loads` modules that the bundler does not see, `starts` a worker or a child, `reads` a file beside itself. */
  kind: 'loads' | 'starts' | 'reads';
  line: number;
  /** The code, in short. */
  code: string;
}

/** Cheap, and true for all that could be found: most files of most packages are then not parsed at all. */
const MAY_MATTER =
  /\bmodule\.require\b|\brequire\b(?!\s*\(\s*(['"])[^'"\n]*\1\s*\))|\bimport\s*\(\s*(?!(['"])[^'"\n]*\2\s*\))|\b__(?:dir|file)name\b|\bimport\.meta\b|\bworker_threads\b|\bchild_process\b/;

/** Calls with a path. */
const READERS =
  /^(?:join|resolve|normalize|readFile|readFileSync|readdir|readdirSync|opendir|opendirSync|createReadStream|existsSync|access|accessSync|stat|statSync|lstatSync|sendFile|readJson|readJsonSync)$/;

/** Calls for which a directory is no more than its name; `optimizeErrorStack` of ioredis is one. */
const TELLERS =
  /^(?:log|debug|info|warn|\w*(?:error|stack|trace)\w*|dirname|basename|extname|isAbsolute|relative|fileURLToPath|pathToFileURL|createRequire|String|startsWith|endsWith|includes|indexOf|lastIndexOf|split|replace|replaceAll|slice|test|exec|match)$/i;

const MAX_CODE_CHARACTERS = 60;

export function scanPackageCode(text: string): Finding[] {
  if (!MAY_MATTER.test(text)) return [];
  const root = parseCode(text);
  if (root === undefined) return [];
  const names = namesIn(root);
  const findings: Finding[] = [];
  walk(root, (node, above) => {
    const kind =
      (loads(node, above, names) ? 'loads' : undefined) ??
      (starts(node, text) ? 'starts' : undefined) ??
      (reads(node, names) || handsOn(node, names) ? 'reads' : undefined);
    if (kind !== undefined && findings.every((other) => other.kind !== kind)) {
      const code = text.slice(node.start, node.end).replaceAll(/\s+/g, ' ');
      findings.push({ kind, line: lineOf(node), code: shorten(code) });
    }
  });
  return findings;
}

/** What the file calls things. */
interface Names {
  /** Functions that require, behind the bundler's back: by createRequire, or `require` by another name. */
  hidden: Set<string>;
  /** Where the file lies, or what lies there. */
  places: Set<string>;
  /** Of them the directories. */
  directories: Set<string>;
  /** The file has a function of its own of that name, as bundles of browserify's make have. */
  ownRequire: boolean;
}

function namesIn(root: SyntaxNode): Names {
  const names: Names = {
    hidden: new Set(),
    places: new Set(['__dirname', '__filename']),
    directories: new Set(['__dirname']),
    ownRequire: false,
  };
  walk(root, (node) => {
    if (node.type === 'FunctionDeclaration' && nameOf(node['id']) === 'require') names.ownRequire = true;
    const [target, value] =
      node.type === 'VariableDeclarator'
        ? [node['id'], node['init']]
        : node.type === 'AssignmentExpression'
          ? [node['left'], node['right']]
          : [];
    const name = (target as Fields | undefined)?.type === 'Identifier' ? nameOf(target) : undefined;
    if (name === undefined || value === null || value === undefined) return;
    const assigned = value as Fields;
    if (isCreateRequire(assigned) || isIdentifier(assigned, 'require')) names.hidden.add(name);
    else if (hasPlace(assigned, names)) {
      names.places.add(name);
      if (isDirectory(assigned, names)) names.directories.add(name);
    }
  });
  return names;
}

function loads(node: Fields, above: readonly Fields[], names: Names): boolean {
  // esbuild itself bundles all files that `./a/${b}` can be.
  if (node.type === 'ImportExpression') return !isKnown(node['source']) && !isRelative(node['source']);
  if (node.type !== 'CallExpression') return false;
  const [wanted] = argumentsOf(node);
  if (wanted === undefined || wanted.type === 'SpreadElement') return false;
  const callee = node['callee'] as Fields;
  const isResolve = callee.type === 'MemberExpression' && nameOf(callee) === 'resolve';
  const called = isResolve ? (callee['object'] as Fields) : callee;
  if (isCreateRequire(called)) return !isBuiltinText(wanted);
  if (isMeta(called)) return isResolve;
  if (callee.type === 'MemberExpression' && nameOf(callee) === 'require') {
    return nameOf(callee['object']) === 'module' && !isBuiltinText(wanted);
  }
  if (called.type !== 'Identifier') return false;
  const name = String(called['name']);
  if (names.hidden.has(name)) return !isBuiltinText(wanted);
  if (name !== 'require' || names.ownRequire || above.some((outer) => hasParameter(outer, 'require')))
    return false;
  return isResolve ? !isBuiltinText(wanted) : !isKnown(wanted) && !isRelative(wanted);
}

function starts(node: Fields, text: string): boolean {
  const args = argumentsOf(node);
  const [what, options] = args;
  if (what === undefined) return false;
  const name = nameOf(node['callee']);
  if (node.type === 'NewExpression')
    return name === 'Worker' && text.includes('worker_threads') && !isEval(options);
  return node.type === 'CallExpression' && name === 'fork' && text.includes('child_process');
}

function isEval(options: Fields | undefined): boolean {
  const properties = (options?.['properties'] ?? []) as Fields[];
  return properties.some(
    ({ key, value }) => nameOf(key) === 'eval' && (value as Fields | undefined)?.['value'] === true,
  );
}

function reads(node: Fields, names: Names): boolean {
  const isAt = (part: unknown): boolean => hasPlace(part as Fields, names);
  if (node.type === 'CallExpression') {
    return READERS.test(nameOf(node['callee']) ?? '') && argumentsOf(node).some(isAt);
  }
  if (node.type === 'NewExpression' && nameOf(node['callee']) === 'URL') {
    const [, base] = argumentsOf(node);
    return base !== undefined && isAt(base);
  }
  if (node.type === 'BinaryExpression' && node['operator'] === '+') {
    return isPlace(node['left'] as Fields, names) || isPlace(node['right'] as Fields, names);
  }
  return (
    node.type === 'TemplateLiteral' && (node['expressions'] as Fields[]).some((part) => isPlace(part, names))
  );
}

/**
 * The directory itself is given away: `express.static(__dirname)`, `{ views: __dirname }`, `module.exports = __dirname`. Who
 * gets it reads what lies there; the name of the file, which is given away for messages too, tells nothing.
 */
function handsOn(node: Fields, names: Names): boolean {
  const isGiven = (part: unknown): boolean =>
    part !== null && part !== undefined && isDirectory(part as Fields, names);
  switch (node.type) {
    case 'CallExpression':
    case 'NewExpression':
      return !TELLERS.test(nameOf(node['callee']) ?? '') && argumentsOf(node).some(isGiven);
    case 'Property':
      return isGiven(node['value']);
    case 'AssignmentExpression':
      return (node['left'] as Fields).type === 'MemberExpression' && isGiven(node['right']);
    case 'ExportDefaultDeclaration':
      return isGiven(node['declaration']);
    case 'ReturnStatement':
      return isGiven(node['argument']);
    case 'ArrowFunctionExpression':
      return isGiven(node['body']);
    default:
      return false;
  }
}

/** `__dirname`, `import.meta.dirname`, `dirname(fileURLToPath(import.meta.url))`, and what is called so. */
function isDirectory(node: Fields, names: Names): boolean {
  if (node.type === 'Identifier') return names.directories.has(String(node['name']));
  if (isMeta(node['object'])) return nameOf(node) === 'dirname';
  return (
    node.type === 'CallExpression' &&
    nameOf(node['callee']) === 'dirname' &&
    argumentsOf(node).some((part) => hasPlace(part, names))
  );
}

function isPlace(node: Fields, { places }: Names): boolean {
  if (node.type === 'Identifier') return places.has(String(node['name']));
  return isMeta(node['object']) && /^(?:url|dirname|filename)$/.test(nameOf(node) ?? '');
}

/** In the node itself, not in functions in it, which run some other time. */
function hasPlace(node: Fields, names: Names): boolean {
  if (isFunction(node) || isCreateRequire(node)) return false;
  return isPlace(node, names) || childrenOf(node).some((child) => hasPlace(child as Fields, names));
}

function isMeta(node: unknown): boolean {
  return (node as Fields | undefined)?.type === 'MetaProperty';
}

function isCreateRequire(node: Fields): boolean {
  return node.type === 'CallExpression' && nameOf(node['callee']) === 'createRequire';
}

function isIdentifier(node: Fields, name: string): boolean {
  return node.type === 'Identifier' && node['name'] === name;
}

function hasParameter(node: Fields, name: string): boolean {
  return isFunction(node) && (node['params'] as Fields[]).some((parameter) => isIdentifier(parameter, name));
}

const isKnown = (wanted: unknown): boolean => textOf(wanted) !== undefined;
const isRelative = (wanted: unknown): boolean => /^\.{1,2}\//.test(beginningOf(wanted) ?? '');
const isBuiltinText = (wanted: unknown): boolean => isBuiltin(textOf(wanted) ?? '');

function shorten(code: string): string {
  return code.length <= MAX_CODE_CHARACTERS ? code : `${code.slice(0, MAX_CODE_CHARACTERS - 3)}...`;
}
