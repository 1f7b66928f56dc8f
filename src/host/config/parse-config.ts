// tskrazy.json as text -> the checked object. All mistakes are found in one go, each with its place.

import { getNodeValue, parseTree, printParseErrorCode, type Node, type ParseError } from 'jsonc-parser';
import * as v from 'valibot';
import { configSchema, type ConfigFile } from '../../shared/config/config.ts';
import { nearestName } from '../nearest-name.ts';
import { ConfigError, type Problem } from './problem.ts';
import { findKeyProblems } from './schema-walk.ts';

type Issue = v.BaseIssue<unknown>;

/** `path` is for messages only. Throws ConfigError. */
export function parseConfig(text: string, path: string): ConfigFile {
  const errors: ParseError[] = [];
  const tree = parseTree(text, errors, { allowTrailingComma: true });
  if (errors.length > 0 || !tree) throw new ConfigError(path, text, syntaxProblems(text, errors));
  const keyProblems = findKeyProblems(configSchema, tree);
  const result = v.safeParse(configSchema, getNodeValue(tree));
  const valueProblems = (result.issues ?? [])
    .flatMap(intoUnion)
    .filter((issue) => !isUnknownKey(issue) && !isExplainedBy(keyProblems, issue, tree))
    .map((issue) => placeIssue(issue, tree));
  const problems = [...keyProblems, ...valueProblems];
  if (problems.length > 0 || !result.success) throw new ConfigError(path, text, problems);
  return result.output;
}

/** One that shows when the instance is built, as those that parseConfig finds; `steps` lead to the value. */
export function configMistake(
  text: string,
  path: string,
  steps: readonly (string | number)[],
  problem: string,
): ConfigError {
  const tree = parseTree(text, [], { allowTrailingComma: true });
  const node = tree && findNode(tree, steps);
  const place = node ? extent(keyOf(node) ?? node) : { offset: 0, length: 1 };
  return new ConfigError(path, text, [{ ...place, message: `"${formatPath(steps)}" ${problem}` }]);
}

const SYNTAX_MESSAGES: Readonly<Record<ReturnType<typeof printParseErrorCode>, string>> = {
  InvalidSymbol: 'not a JSON value; strings need double quotes',
  InvalidNumberFormat: 'not a number',
  PropertyNameExpected: 'a key in double quotes is missing here',
  ValueExpected: 'a value is missing here',
  ColonExpected: 'a colon is missing here',
  CommaExpected: 'a comma is missing before this',
  CloseBraceExpected: 'a closing brace } is missing here',
  CloseBracketExpected: 'a closing bracket ] is missing here',
  EndOfFileExpected: 'the file must end after its one object',
  InvalidCommentToken: 'not a comment; write // or /* */',
  UnexpectedEndOfComment: 'a comment is not closed',
  UnexpectedEndOfString: 'a string is not closed on its line',
  UnexpectedEndOfNumber: 'a number is not complete',
  InvalidUnicode: 'not a Unicode escape: \\u takes four hexadecimal digits',
  InvalidEscapeCharacter: 'not an escape that JSON knows',
  InvalidCharacter: 'a character that JSON does not allow here',
  '<unknown ParseErrorCode>': 'not valid JSON',
};

/** The parser's first complaint in each line; those after it only follow from it. */
function syntaxProblems(text: string, errors: readonly ParseError[]): Problem[] {
  const byLine = new Map<number, Problem>();
  for (const { error, offset, length } of errors) {
    const line = text.slice(0, offset).split('\n').length;
    const message = `syntax error: ${SYNTAX_MESSAGES[printParseErrorCode(error)]}`;
    if (!byLine.has(line)) byLine.set(line, { offset, length, message });
  }
  return byLine.size > 0 ? [...byLine.values()] : [{ offset: 0, length: 1, message: 'the file is empty' }];
}

/** Issues of a value that may be a word or an object: what is wrong in the object, when it is one. */
function intoUnion(issue: Issue): Issue[] {
  const { path = [] } = issue;
  const inner = issue.type === 'union' ? (issue.issues ?? []).filter((each) => each.path !== undefined) : [];
  if (inner.length === 0) return [issue];
  return inner.map((each) => Object.assign({}, each, { path: [...path, ...(each.path ?? [])] }));
}

function isUnknownKey(issue: Issue): boolean {
  return issue.type === 'strict_object' && issue.expected === 'never';
}

const isMissingKey = (issue: Issue) => issue.type === 'strict_object' && issue.received === 'undefined';

/** A misspelt key also makes its object lack the right one, and an array lacks them all; the cause is enough. */
function isExplainedBy(keyProblems: readonly Problem[], issue: Issue, tree: Node): boolean {
  if (!isMissingKey(issue) && issue.type !== 'raw_check') return false;
  const path = pathOf(issue);
  const object = findNode(tree, isMissingKey(issue) ? path.slice(0, -1) : path);
  const offsets = [
    object?.offset,
    ...(object?.children ?? []).map((property) => property.children?.[0]?.offset),
  ];
  return keyProblems.some((problem) => offsets.includes(problem.offset));
}

function pathOf(issue: Issue): (string | number)[] {
  return (issue.path ?? []).map((item) => item.key as string | number);
}

/** Like jsonc-parser's findNodeAtLocation, but of a key that is there twice the last one, as for the value. */
function findNode(tree: Node, path: readonly (string | number)[]): Node | undefined {
  let node: Node | undefined = tree;
  for (const step of path) {
    node =
      typeof step === 'number'
        ? node?.children?.[step]
        : node?.children?.findLast((property) => property.children?.[0]?.value === step)?.children?.[1];
  }
  return node;
}

/** Of a value that has one. */
function keyOf(node: Node): Node | undefined {
  return node.parent?.type === 'property' ? node.parent.children?.[0] : undefined;
}

/** `apps.sensor.include[0].to` */
function formatPath(path: readonly (string | number)[]): string {
  return path
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`))
    .join('');
}

function placeIssue(issue: Issue, tree: Node): Problem {
  const path = pathOf(issue);
  const name = path.length === 0 ? 'the file' : `"${formatPath(path)}"`;
  if (isMissingKey(issue)) {
    const object = findNode(tree, path.slice(0, -1)) ?? tree;
    return { offset: object.offset, length: 1, message: `${name} is missing` };
  }
  if (isWrongVariant(issue)) return placeVariant(issue, path, tree);
  const node = findNode(tree, path) ?? tree;
  const keyNode = keyOf(node);
  if (issue.path?.at(-1)?.origin === 'key')
    return { ...extent(keyNode ?? node), message: `"${path.at(-1)}" ${issue.message}` };
  // What is wrong with an app as a whole is shown at its name, not over all of its lines.
  if (issue.type === 'raw_check') return { ...extent(keyNode ?? node), message: `${name} ${issue.message}` };
  return { ...extent(node), message: `${name} ${issue.message}${describeGot(issue)}` };
}

/** valibot names the key that tells which of its forms an object has, missing or wrong; our message names the object. */
const isWrongVariant = (issue: Issue) => issue.type === 'variant' && issue.expected !== 'Object';

function placeVariant(issue: Issue, path: readonly (string | number)[], tree: Node): Problem {
  const name = formatPath(path.slice(0, -1));
  const value = findNode(tree, path);
  if (value) return { ...extent(value), message: `"${name}" ${issue.message}${describeGot(issue)}` };
  const object = findNode(tree, path.slice(0, -1)) ?? tree;
  return { offset: object.offset, length: 1, message: `"${name}" ${issue.message}` };
}

function describeGot(issue: Issue): string {
  if (issue.type === 'picklist' && typeof issue.input === 'string') {
    const nearest = nearestName(issue.input, picklistOptions(issue));
    return `, not "${issue.input}"${nearest === undefined ? '' : `: did you mean "${nearest}"?`}`;
  }
  // Where some texts are right, the value is what is wrong, and not that it is a text.
  if (['literal', 'union', 'variant'].includes(issue.type) && typeof issue.input === 'string') {
    return `, not "${issue.input}"`;
  }
  return issue.kind === 'schema' ? `, not ${describeType(issue.input)}` : '';
}

/** `("a" | "b")` as valibot words it. */
function picklistOptions(issue: Issue): string[] {
  return [...(issue.expected ?? '').matchAll(/"([^"]+)"/g)].map((match) => match[1] ?? '');
}

function describeType(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

const extent = (node: Node) => ({ offset: node.offset, length: node.length });
