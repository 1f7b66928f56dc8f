// Log lines with the colours that programs give them (ECMA-48, 8.3.117: SGR), for the page and for terminals. Of these
// sequences only what leaves the text readable has an effect: none conceals (SGR 8), none has a ground of its own, on
// which a text of the same colour would vanish, and none writes in black or white, which are the grounds of terminals.
// All else is written out by visibleText. Pure.

import { visibleText } from './visible-text.ts';

const TEXT_COLORS = ['red', 'green', 'yellow', 'blue', 'magenta', 'cyan'] as const;
type TextColor = (typeof TEXT_COLORS)[number];

export interface TextStyle {
  color: TextColor | undefined;
  isBold: boolean;
  isDim: boolean;
}

export interface StyledSpan extends TextStyle {
  text: string;
}

const PLAIN: TextStyle = { color: undefined, isBold: false, isDim: false };

/** As programs write them, or with the escape character written out, as init keeps lines. Group 1: the parameters. */
// oxlint-disable-next-line no-control-regex
const SGR = /(?:\u001B\[|\\x1b\[|\u009B|\\x9b)([\d;:]*)m/g;

export function parseStyledText(text: string): StyledSpan[] {
  const spans: StyledSpan[] = [];
  let style = PLAIN;
  let start = 0;
  const push = (end: number): void => {
    const part = visibleText(text.slice(start, end));
    const last = spans.at(-1);
    if (part === '') return;
    if (last !== undefined && isSame(last, style)) last.text += part;
    else spans.push({ ...style, text: part });
  };
  for (const match of text.matchAll(SGR)) {
    push(match.index);
    start = match.index + match[0].length;
    style = changed(style, match[1] ?? '');
  }
  push(text.length);
  return spans;
}

export function plainText(text: string): string {
  return visibleText(text.replace(SGR, ''));
}

function isSame(a: TextStyle, b: TextStyle): boolean {
  return a.color === b.color && a.isBold === b.isBold && a.isDim === b.isDim;
}

function changed(before: TextStyle, parameters: string): TextStyle {
  const style = { ...before };
  // Parameters with parts (`38:2::1:2:3`) are colours that are not shown, or kinds of underlines.
  const codes = parameters.split(';').map((code) => (code.includes(':') ? -1 : Number(code)));
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    if (code === 0) Object.assign(style, PLAIN);
    else if (code === 1) style.isBold = true;
    else if (code === 2) style.isDim = true;
    else if (code === 22) style.isBold = style.isDim = false;
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) style.color = colorOf(code);
    else if (code === 39) style.color = undefined;
    // Palette and true colours are shown plain: `38;5;n` and `38;2;r;g;b`, and the same for the ground.
    else if (code === 38 || code === 48) {
      if (code === 38) style.color = undefined;
      index += codes[index + 1] === 5 ? 2 : 4;
    }
  }
  return style;
}

function colorOf(code: number): TextColor | undefined {
  return TEXT_COLORS[(code % 10) - 1];
}
