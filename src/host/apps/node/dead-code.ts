// Whether code of an app runs on a device at all: what is asked for the operating system, for production or for the app's
// directory there is known beforehand. All else is taken to run.

import { argumentsOf, type Fields, nameOf, type SyntaxNode, textOf, walk } from './syntax-tree.ts';

/** What is known of the environment there; `true`: a text. */
const ON_DEVICE: Readonly<Record<string, string | true>> = {
  platform: 'linux',
  NODE_ENV: 'production',
  TSK_APP_DIR: true,
};

/** Values of constants, by their names. */
export type KnownConstants = ReadonlyMap<string, boolean>;

export function knownConstants(root: SyntaxNode): KnownConstants {
  const known = new Map<string, boolean>();
  walk(root, (node) => {
    if (node.type !== 'VariableDeclaration' || node['kind'] !== 'const') return;
    for (const { id, init } of node['declarations'] as { id: Fields; init: Fields | null }[]) {
      const value = init === null ? undefined : isTrueThere(init, known);
      if (id.type === 'Identifier' && value !== undefined) known.set(nameOf(id) ?? '', value);
    }
  });
  return known;
}

/** `above`: the nodes around it, the innermost last. */
export function runsNowhere(node: Fields, above: readonly Fields[], known: KnownConstants): boolean {
  const path = [...above, node];
  return above.some((outer, index) => isLeftOut(outer, path[index + 1], known));
}

function isLeftOut(outer: Fields, inner: Fields | undefined, known: KnownConstants): boolean {
  const { type, test, consequent, alternate, left, right, operator, body, discriminant } = outer;
  if (type === 'IfStatement' || type === 'ConditionalExpression') {
    const holds = isTrueThere(test as Fields, known);
    return (inner === consequent && holds === false) || (inner === alternate && holds === true);
  }
  if (type === 'LogicalExpression' && inner === right) {
    const holds = isTrueThere(left as Fields, known);
    return (operator === '&&' && holds === false) || (operator === '||' && holds === true);
  }
  if (type === 'SwitchStatement') {
    const value = valueThere(discriminant as Fields);
    const text = inner?.type === 'SwitchCase' ? textOf(inner['test']) : undefined;
    return typeof value === 'string' && text !== undefined && text !== value;
  }
  // What comes behind `if (process.platform !== 'darwin') return;`.
  if (!Array.isArray(body)) return false;
  const before = (body as Fields[]).slice(0, (body as Fields[]).indexOf(inner as Fields));
  return before.some(
    (each) =>
      each.type === 'IfStatement' &&
      isTrueThere(each['test'] as Fields, known) === true &&
      leaves(each['consequent'] as Fields),
  );
}

function leaves(statement: Fields): boolean {
  if (statement.type === 'BlockStatement') {
    const last = (statement['body'] as Fields[]).at(-1);
    return last !== undefined && leaves(last);
  }
  return ['ReturnStatement', 'ThrowStatement'].includes(statement.type);
}

/** Undefined: that is not known. */
function isTrueThere(node: Fields, known: KnownConstants): boolean | undefined {
  const { type, operator, argument, left, right } = node;
  if (type === 'Identifier') return known.get(nameOf(node) ?? '');
  if (type === 'UnaryExpression' && operator === '!') {
    const value = isTrueThere(argument as Fields, known);
    return value === undefined ? undefined : !value;
  }
  if (type === 'LogicalExpression' && operator !== '??') {
    const values = [left, right].map((side) => isTrueThere(side as Fields, known));
    const deciding = operator === '||';
    if (values.includes(deciding)) return deciding;
    return values.includes(undefined) ? undefined : !deciding;
  }
  if (type === 'BinaryExpression') return comparison(String(operator), left as Fields, right as Fields);
  return valueThere(node) === undefined ? undefined : true;
}

function comparison(operator: string, left: Fields, right: Fields): boolean | undefined {
  const isEqual = /^={2,3}$/.test(operator);
  if (!isEqual && !/^!={1,2}$/.test(operator)) return undefined;
  const ofLeft = valueThere(left);
  const value = ofLeft ?? valueThere(right);
  const other = ofLeft === undefined ? left : right;
  if (value === undefined) return undefined;
  if (isNothing(other)) return !isEqual;
  const text = textOf(other);
  return text === undefined || value === true ? undefined : (value === text) === isEqual;
}

function isNothing(node: Fields): boolean {
  return (node.type === 'Identifier' && nameOf(node) === 'undefined') || node['raw'] === 'null';
}

/** Of `process.platform`, `os.platform()`, `process.env.NAME` and what is called like one of them. */
function valueThere(node: Fields): string | true | undefined {
  if (node.type === 'CallExpression')
    return nameOf(node['callee']) === 'platform' && argumentsOf(node).length === 0 ? 'linux' : undefined;
  const name = nameOf(node);
  if (name === undefined || !Object.hasOwn(ON_DEVICE, name)) return undefined;
  if (node.type === 'Identifier') return name === 'platform' ? 'linux' : undefined;
  const isOfProcess = ['process', 'env'].includes(nameOf(node['object']) ?? '');
  return node.type === 'MemberExpression' && isOfProcess ? ON_DEVICE[name] : undefined;
}
