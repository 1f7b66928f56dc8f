// A type in decorator metadata may be none at run time: a compiler that sees one file at a time cannot tell the class that
// is imported from the interface, names either, and has the program look which it is (`typeof Clock !== "undefined"`).
// The bundler refuses to import what is not exported, so the metadata reads such names from the module as a whole.

import type { Message } from 'esbuild';
import { argumentsOf, childrenOf, type Fields, nameOf, parseCode, textOf, walk } from './syntax-tree.ts';

const MODULE = '__metadataTypes';

interface Edit {
  start: number;
  end: number;
  text: string;
}

/** `code`: JavaScript as TypeScript or swc makes it. JSX is left as it is. */
export function loosenMetadataTypes(code: string): string {
  const root = parseCode(code);
  if (root === undefined) return code;
  const imports = importsOf(childrenOf(root) as Fields[]);
  const used = new Set<Fields>();
  const edits: Edit[] = [];
  walk(root, (node) => {
    const [key, types] = node.type === 'CallExpression' ? argumentsOf(node) : [];
    if (types === undefined || !(textOf(key) ?? '').startsWith('design:')) return;
    for (const name of namesIn(types)) {
      const found = imports.get(String(name['name']));
      if (found === undefined) continue;
      used.add(found.declaration);
      const text = `${moduleOf(found.declaration)}[${JSON.stringify(found.exported)}]`;
      edits.push({ start: name.start, end: name.end, text });
    }
  });
  // Before the import that it stands for, which goes if nothing else needs it: modules run in the order of imports.
  for (const declaration of used) {
    const text = `import * as ${moduleOf(declaration)} from ${JSON.stringify(textOf(declaration['source']))}; `;
    edits.push({ start: declaration.start, end: declaration.start, text });
  }
  return edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((text, edit) => text.slice(0, edit.start) + edit.text + text.slice(edit.end), code);
}

/** That a type is none at run time is nothing to warn of. */
export function isOfMetadataTypes({ id, location }: Pick<Message, 'id' | 'location'>): boolean {
  return id === 'import-is-undefined' && (location?.lineText.includes(MODULE) ?? false);
}

function moduleOf({ start }: Fields): string {
  return `${MODULE}${start}`;
}

/** By the name that the code uses. */
function importsOf(body: readonly Fields[]): Map<string, { declaration: Fields; exported: string }> {
  const imports = new Map<string, { declaration: Fields; exported: string }>();
  for (const declaration of body.filter(({ type }) => type === 'ImportDeclaration')) {
    for (const { type, local, imported } of declaration['specifiers'] as Fields[]) {
      if (type === 'ImportNamespaceSpecifier') continue;
      const exported = type === 'ImportDefaultSpecifier' ? 'default' : (nameOf(imported) ?? textOf(imported));
      if (exported !== undefined) imports.set(nameOf(local) ?? '', { declaration, exported });
    }
  }
  return imports;
}

function namesIn(root: Fields): Fields[] {
  const names: Fields[] = [];
  walk(root, (node, above) => {
    const parent = above.at(-1);
    const isProperty =
      parent?.type === 'MemberExpression' && parent['property'] === node && parent['computed'] !== true;
    if (node.type === 'Identifier' && !isProperty) names.push(node);
  });
  return names;
}
