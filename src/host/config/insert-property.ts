// Puts one property into an object of a JSON text: one line more, and everything else - comments, layout, the commas that
// the user likes - stays as it is. (jsonc-parser's own edits lay out the lines around theirs anew.)

import { createScanner, type Node } from 'jsonc-parser';

/** `object` is a node of the text's tree. */
export function insertProperty(text: string, object: Node, key: string, value: unknown): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n';
  const unit = /\n([ \t]+)"/.exec(text)?.[1] ?? '  ';
  const outer = indentOfLine(text, object.offset);
  const inner = outer + unit;
  const closing = object.offset + object.length - 1;
  const property = `${inner}${JSON.stringify(key)}: ${formatValue(value, inner, unit).replaceAll('\n', eol)}`;
  const last = object.children?.at(-1);
  const lineStart = text.lastIndexOf('\n', closing - 1) + 1;
  // The closing brace stands alone in its line: the new line goes above it, below all comments.
  if (lineStart > object.offset && text.slice(lineStart, closing).trim() === '') {
    const rest = `${property}${eol}${text.slice(lineStart)}`;
    return `${withComma(text.slice(0, lineStart), last)}${rest}`;
  }
  const head = last ? withComma(text.slice(0, closing), last).trimEnd() : text.slice(0, closing).trimEnd();
  return `${head}${eol}${property}${eol}${outer}${text.slice(closing)}`;
}

/** `head` with a comma after the last property, unless it has one. */
function withComma(head: string, last: Node | undefined): string {
  if (!last) return head;
  const end = last.offset + last.length;
  const scanner = createScanner(head.slice(end), true);
  // Nothing but comments and at most the comma can follow; the end of the text is a token of length 0.
  scanner.scan();
  const hasComma = scanner.getTokenLength() > 0;
  return hasComma ? head : `${head.slice(0, end)},${head.slice(end)}`;
}

function indentOfLine(text: string, offset: number): string {
  const lineStart = text.lastIndexOf('\n', offset - 1) + 1;
  return /^[ \t]*/.exec(text.slice(lineStart, offset))?.[0] ?? '';
}

const MAX_LINE_CHARACTERS = 100;

/** Formats in one line, `{ "node": "./main.ts" }`, where that is not too long. */
function formatValue(value: unknown, indent: string, unit: string): string {
  const oneLine = JSON.stringify(value, null, 1)
    .replaceAll(/\[\n\s*/g, '[')
    .replaceAll(/\n\s*\]/g, ']')
    .replaceAll(/\n\s*/g, ' ');
  if (indent.length + oneLine.length <= MAX_LINE_CHARACTERS) return oneLine;
  return JSON.stringify(value, null, unit).replaceAll('\n', `\n${indent}`);
}
