// The rule `house/rooms`: holds the imports of a file in src/ against the table in rooms.ts. Tests may import what they
// like. Reports the import, says whose row refuses it, and what a change of mind would have to change.

import { isBuiltin } from 'node:module';
import { dirname, join, posix, relative, sep } from 'node:path';
import { type Context, type Node, textOf } from './plugin.ts';
import { ROOMS, type Room } from './rooms.ts';

/** Module and the names that are taken of it; `*` where all may be. */
interface Import {
  specifier: string;
  names: readonly string[];
  node: Node;
}

export const roomsRule = {
  create(context: Context): Record<string, (node: Node) => void> {
    const file = relative(context.cwd, context.filename).split(sep).join('/');
    if (!file.startsWith('src/') || /\.test\.tsx?$/.test(file) || file.startsWith('src/host/templates/'))
      return {};
    const room = roomOf(file);
    if (room === undefined) {
      return {
        Program: (node) =>
          context.report({ node, message: `no row of tools/lint/rooms.ts has "${dirname(file)}"` }),
      };
    }
    const check = ({ specifier, names, node }: Import): void => {
      const problem = refusalOf({ room, file, specifier, names });
      if (problem !== undefined) context.report({ node, message: problem });
    };
    const checkSource = (node: Node): void => {
      if (node.source === null || node.source === undefined) return;
      const specifier = textOf(node.source);
      if (specifier === undefined) {
        context.report({
          node,
          message: 'a module that only the running program can name cannot be checked',
        });
        return;
      }
      check({ specifier, names: namesOf(node), node });
    };
    return {
      ImportDeclaration: checkSource,
      ExportNamedDeclaration: checkSource,
      ExportAllDeclaration: checkSource,
      ImportExpression: checkSource,
      TSImportType: (node) => checkSource({ ...node, source: node.source ?? node.argument?.literal ?? null }),
      TSImportEqualsDeclaration: (node) => context.report({ node, message: 'import … = is not used here' }),
      CallExpression: (node) => checkCall(node, check, context),
      Literal: (node) => checkCode(node, check),
      TemplateLiteral: (node) => checkCode(node, check),
    };
  },
};

function roomOf(file: string): Room | undefined {
  const rows = ROOMS.filter(({ directory }) => isIn(file, directory));
  return rows.toSorted((x, y) => y.directory.length - x.directory.length)[0];
}

function isIn(file: string, directory: string): boolean {
  return directory.endsWith('/*')
    ? dirname(file) === directory.slice(0, -2)
    : file.startsWith(`${directory}/`);
}

function refusalOf(taken: {
  room: Room;
  file: string;
  specifier: string;
  names: readonly string[];
}): string | undefined {
  const { room, file, specifier, names } = taken;
  const suffix = `; ${room.directory}'s row in tools/lint/rooms.ts says what may be`;
  if (specifier.startsWith('.')) {
    const target = posix.normalize(join(dirname(file), specifier));
    const allowed = [room.directory, ...room.imports];
    return allowed.some((directory) => isIn(target, directory))
      ? undefined
      : `no import of "${target}" here${suffix}`;
  }
  if (isBuiltin(specifier) || specifier.startsWith('node:')) {
    const builtin = specifier.startsWith('node:') ? specifier : `node:${specifier}`;
    const allowed = room.builtins[builtin];
    if (allowed === undefined) return `no ${builtin} here${suffix}`;
    const extra = allowed === '*' ? undefined : names.find((name) => !allowed.includes(name));
    return extra === undefined ? undefined : `of ${builtin} no "${extra}" here${suffix}`;
  }
  const name = packageOf(specifier);
  return room.packages?.includes(name) === true ? undefined : `no package "${name}" here${suffix}`;
}

function packageOf(specifier: string): string {
  return specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
}

function namesOf({ specifiers = [], type }: Node): readonly string[] {
  if (type !== 'ImportDeclaration' && type !== 'ExportNamedDeclaration') return ['*'];
  return specifiers.map(({ imported }) => imported?.name ?? imported?.value ?? '*');
}

/** Ways to a module that are calls: `require`, and Node's own register of its modules. */
function checkCall(node: Node, check: (taken: Import) => void, context: Context): void {
  const { callee, arguments: given = [] } = node;
  const isRegister = callee?.type === 'MemberExpression' && callee.property?.name === 'getBuiltinModule';
  if (callee?.name !== 'require' && !isRegister) return;
  const specifier = given[0] === undefined ? undefined : textOf(given[0]);
  if (specifier === undefined)
    context.report({ node, message: 'a module that only the running program can name cannot be checked' });
  else check({ specifier, names: ['*'], node });
}

/** A worker's program is a string; what it loads counts as an import of the file that the string is in. */
function checkCode(node: Node, check: (taken: Import) => void): void {
  const text =
    node.type === 'Literal' ? node.value : node.quasis?.map(({ value }) => value.cooked ?? '').join(' ');
  if (typeof text !== 'string' || (!text.includes('(') && !text.includes('import'))) return;
  for (const [, specifier] of text.matchAll(
    /(?:\brequire\s*\(|\bgetBuiltinModule\s*\(|\bimport\s*\(|\bfrom\s+|\bimport\s+)\s*['"]((?:node:)?[\w/]+)['"]/g,
  ))
    if (specifier !== undefined && isBuiltin(specifier)) check({ specifier, names: ['*'], node });
}
