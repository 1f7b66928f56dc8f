// As much of ESTree, and of oxlint's plugin interface (ESLint's), as the rules of this house touch.

export interface Node {
  type: string;
  value?: unknown;
  source?: Node | null;
  specifiers?: readonly { type: string; imported?: { name?: string; value?: string } }[];
  callee?: Node;
  name?: string;
  property?: Node;
  arguments?: readonly Node[];
  argument?: Node;
  literal?: Node;
  quasis?: readonly { value: { cooked: string | null } }[];
  expressions?: readonly unknown[];
  parent?: Node;
}

export interface Context {
  filename: string;
  cwd: string;
  report(problem: { node: Node; message: string }): void;
}

/** What a string or a template without expressions says; undefined of all else, which only the running program knows. */
export function textOf(node: Node): string | undefined {
  if (typeof node.value === 'string') return node.value;
  if (node.type !== 'TemplateLiteral' || (node.expressions?.length ?? 0) > 0) return undefined;
  return node.quasis?.[0]?.value.cooked ?? undefined;
}
