// Literal paths in an app's own code that are looked for in the current directory. What is a path shows by what is
// done with it: it begins with `./`, or it is given to something that takes a path. Who has gone to another directory
// before, or names the app's own one beside it, knows what he does.

import { isAlternative, type OwnCode } from './own-code.ts';
import { argumentsOf, type Fields, nameOf, textOf, walk } from './syntax-tree.ts';

export interface WrittenPath {
  node: Fields;
  written: string;
}

/** Functions whose first text is a path. */
const TAKES_PATH =
  /^(?:static|serveStatic|readFile|readFileSync|readdir|readdirSync|opendir|createReadStream|existsSync|stat|statSync|access|accessSync|openAsBlob|sendFile|loadEnvFile|readJson|readJsonSync|glob|globSync)$/;
/** Names of settings that are paths. */
const PATH_SETTING =
  /^(?:root|dir|directory|folder|path|cwd|views|publicDir|templates?|partials|layoutsDir|partialsDir|migrationsFolder|migrationsDir|\w*(?:Folder|Directory|Dir|Path))$/;
/** Where a text with `./` is a path, but none of the current directory. */
const IMPORTS = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
]);

/** `required`: names of functions that require, beside `require` itself. */
export function pathsInWorkingDirectory({ root }: OwnCode, required: ReadonlySet<string>): WrittenPath[] {
  const paths: WrittenPath[] = [];
  let hasMoved = false;
  walk(root, (node, above) => {
    if (node.type === 'CallExpression' && nameOf(node['callee']) === 'chdir') hasMoved = true;
    const written = textOf(node);
    if (written === undefined || !isRelative(written) || isAlternative(above)) return;
    if (isPath(node, written, above, required)) paths.push({ node, written });
  });
  return hasMoved ? [] : paths;
}

function isRelative(text: string): boolean {
  return text !== '' && text.length < 200 && !/^[/~]|[\0\n*?<>|"]|^[a-z][\w+.-]*:/i.test(text);
}

function isPath(
  node: Fields,
  written: string,
  above: readonly Fields[],
  required: ReadonlySet<string>,
): boolean {
  const parent = above.at(-1);
  if (parent === undefined || IMPORTS.has(parent.type)) return false;
  if (parent.type === 'Property') {
    return (
      parent['value'] === node && PATH_SETTING.test(nameOf(parent['key']) ?? textOf(parent['key']) ?? '')
    );
  }
  const isCall = parent.type === 'CallExpression' || parent.type === 'NewExpression';
  if (!isCall) {
    return /^\.{1,2}\/./.test(written) && givesName(parent);
  }
  const args = argumentsOf(parent);
  const name = nameOf(parent['callee']) ?? '';
  const isRequire = (called: string | undefined): boolean =>
    called === 'require' || required.has(called ?? '');
  // Paths beside the code, which files-beside-code.ts looks at.
  if (name === 'URL' || isRequire(name) || isRequire(nameOf((parent['callee'] as Fields)['object'])))
    return false;
  // Express: `app.set('views', 'views')`.
  if (name === 'set') return args[1] === node && PATH_SETTING.test(textOf(args[0]) ?? '');
  if (name === 'resolve' || name === 'join') return isFromWorkingDirectory(args, node);
  return args[0] === node && (TAKES_PATH.test(name) || /^\.{1,2}\/./.test(written));
}

/** `const directory = './views'`, and the same as a field, an assignment and a default. */
function givesName({ type, operator }: Fields): boolean {
  return (
    ['VariableDeclarator', 'PropertyDefinition', 'AssignmentPattern'].includes(type) ||
    (type === 'AssignmentExpression' && operator === '=')
  );
}

/** `resolve('views')`, `join(process.cwd(), 'views')`; `join('a', b)` may be anything. */
function isFromWorkingDirectory(args: readonly Fields[], node: Fields): boolean {
  const [first, second] = args;
  if (first === node) return args.length === 1;
  return (
    second === node &&
    args.length === 2 &&
    first?.type === 'CallExpression' &&
    nameOf(first['callee']) === 'cwd'
  );
}
