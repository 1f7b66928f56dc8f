// What valibot does not tell about an object: every unknown key (it stops at the first one), a key that
// stands there twice (JavaScript's objects have lost it), an array in the place of an object. It walks
// the schema and the JSON tree side by side.

import type { Node } from 'jsonc-parser';
import type * as v from 'valibot';
import { nearestName } from '../nearest-name.ts';
import type { Problem } from './problem.ts';

type Schema = v.GenericSchema & {
  entries?: Record<string, Schema>;
  /** What keys besides those of `entries` have. */
  rest?: Schema;
  wrapped?: Schema;
  value?: Schema;
  item?: Schema;
  /** Schemas of a union or a variant, words of a picklist. */
  options?: readonly (Schema | string)[];
  /** Of a variant: the name of the key whose value tells which of the options an object is. */
  key?: unknown;
  literal?: unknown;
};

/** Names that JavaScript objects have already; valibot passes over them without a word. */
const FORBIDDEN_NAMES = ['__proto__', 'constructor', 'prototype'];

interface Place {
  /** `apps.sensor.include` */
  path: string;
  /** The same with `*` for names that the user chose: `apps.*.include` */
  pattern: string;
}

export function findKeyProblems(
  schema: Schema,
  node: Node,
  place: Place = { path: '', pattern: '' },
): Problem[] {
  const inner = schema.wrapped ?? schema;
  const object = objectOption(inner, node);
  if (object) return findKeyProblems(object, node, place);
  if (inner.item) {
    const item = inner.item;
    return (node.children ?? []).flatMap((child, index) =>
      findKeyProblems(item, child, { path: `${place.path}[${index}]`, pattern: `${place.pattern}[]` }),
    );
  }
  if (!inner.entries && inner.type !== 'record') return [];
  if (node.type === 'array')
    return [
      {
        ...extent(node),
        message: `${place.path === '' ? 'the file' : `"${place.path}"`} must be an object, not an array`,
      },
    ];
  if (node.type !== 'object') return [];
  return [...findDuplicates(node, place.pattern), ...findInObject(inner, node, place)];
}

/** Of a word or an object the object; of several objects the one that says so itself, else the first. */
function objectOption({ options = [], key }: Schema, node: Node): Schema | undefined {
  const objects = options.filter(
    (option): option is Schema => typeof option === 'object' && !!option.entries,
  );
  const property = node.children?.find((child) => child.children?.[0]?.value === key);
  const value: unknown = property?.children?.[1]?.value;
  return (
    objects.find(({ entries = {} }) => typeof key === 'string' && entries[key]?.literal === value) ??
    objects[0]
  );
}

function findInObject(schema: Schema, node: Node, place: Place): Problem[] {
  return (node.children ?? []).flatMap((property) => {
    const [keyNode, valueNode] = property.children ?? [];
    if (!keyNode || !valueNode) return [];
    const key = String(keyNode.value);
    if (schema.entries) {
      const known = Object.hasOwn(schema.entries, key) ? schema.entries[key] : undefined;
      if (known) return findKeyProblems(known, valueNode, below(place, key, key));
      if (schema.rest && !FORBIDDEN_NAMES.includes(key))
        return findKeyProblems(schema.rest, valueNode, below(place, key, '*'));
      return [{ ...extent(keyNode), message: describeUnknownKey(key, Object.keys(schema.entries)) }];
    }
    if (FORBIDDEN_NAMES.includes(key))
      return [{ ...extent(keyNode), message: `"${key}" cannot be used as a name` }];
    return schema.value ? findKeyProblems(schema.value, valueNode, below(place, key, '*')) : [];
  });
}

function describeUnknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return nearest === undefined
    ? `unknown key "${key}"; known here: ${known.filter((name) => name !== '$schema').join(', ')}`
    : `unknown key "${key}": did you mean "${nearest}"?`;
}

function findDuplicates(node: Node, pattern: string): Problem[] {
  const seen = new Set<unknown>();
  return (node.children ?? []).flatMap((property) => {
    const keyNode = property.children?.[0];
    if (!keyNode) return [];
    if (!seen.has(keyNode.value)) {
      seen.add(keyNode.value);
      return [];
    }
    const message =
      pattern === 'apps'
        ? `two apps are named "${keyNode.value}"`
        : `"${keyNode.value}" is there twice in one object`;
    return [{ ...extent(keyNode), message }];
  });
}

function below({ path, pattern }: Place, key: string, keyPattern: string): Place {
  return path === ''
    ? { path: key, pattern: keyPattern }
    : { path: `${path}.${key}`, pattern: `${pattern}.${keyPattern}` };
}

const extent = (node: Node) => ({ offset: node.offset, length: node.length });
