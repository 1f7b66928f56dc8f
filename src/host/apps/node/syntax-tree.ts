// JavaScript as a tree, for finding out what code does with files and packages. acorn: the one parser of the ecosystem
// that is small (0.6 MB), has no dependencies and follows each edition of the language; no regular expression tells
// code from strings and comments.

import { type Node, parse } from 'acorn';

export type SyntaxNode = Node;

/** A node's own fields; which there are depends on its type (github.com/estree/estree). */
export type Fields = Node & Record<string, unknown>;

/** Undefined for what is no JavaScript as Node.js reads it. */
export function parseCode(text: string): Node | undefined {
  const options = { ecmaVersion: 'latest', allowHashBang: true, locations: true } as const;
  try {
    return parse(text, { ...options, sourceType: 'module' });
  } catch {
    // A script: `with`, octal numbers, `await` as a name, and `return` at the top as CommonJS has it.
  }
  try {
    return parse(text, { ...options, sourceType: 'script', allowReturnOutsideFunction: true });
  } catch {
    return undefined;
  }
}

/** Calls `visit` for each node, outer ones first. `above`: the nodes around it, the innermost last. */
export function walk(
  root: Node,
  visit: (node: Fields, above: readonly Fields[]) => void,
  above: Fields[] = [],
): void {
  const node = root as Fields;
  visit(node, above);
  above.push(node);
  for (const child of childrenOf(node)) walk(child, visit, above);
  above.pop();
}

export function childrenOf(node: Node): Node[] {
  return Object.values(node as Fields).flatMap((value) =>
    Array.isArray(value) ? value.filter(isNode) : isNode(value) ? [value] : [],
  );
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Node>).type === 'string';
}

export function isFunction({ type }: Node): boolean {
  return ['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression'].includes(type);
}

/** `a` of `a`, `b.a`, `b?.['a']` and `(0, b.a)`, as TypeScript writes calls of what is imported. */
export function nameOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const { type, name, property, expression, expressions } = node as Fields;
  if (type === 'Identifier') return String(name);
  if (type === 'ChainExpression') return nameOf(expression);
  if (type === 'SequenceExpression') return nameOf((expressions as Node[]).at(-1));
  if (type !== 'MemberExpression') return undefined;
  return textOf(property) ?? nameOf(property);
}

/** Of a string, or of a template without gaps. */
export function textOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const { type, value, quasis } = node as Fields;
  if (type === 'Literal') return typeof value === 'string' ? value : undefined;
  if (type !== 'TemplateLiteral') return undefined;
  const parts = quasis as { value: { cooked?: string } }[];
  return parts.length === 1 ? parts[0]?.value.cooked : undefined;
}

/** What a text that is put together begins with: `./a` of `'./a' + b` and of `./a${b}` in back quotes. */
export function beginningOf(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  const { type, left, operator, quasis } = node as Fields;
  if (type === 'BinaryExpression' && operator === '+') return beginningOf(left);
  if (type === 'TemplateLiteral') return (quasis as { value: { cooked?: string } }[])[0]?.value.cooked;
  return textOf(node);
}

export function argumentsOf(node: Fields): Fields[] {
  return (node['arguments'] ?? []) as Fields[];
}

/** From 1. */
export function lineOf(node: Node): number {
  return node.loc?.start.line ?? 1;
}
